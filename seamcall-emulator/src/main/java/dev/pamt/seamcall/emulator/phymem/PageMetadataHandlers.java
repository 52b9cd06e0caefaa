package dev.pamt.seamcall.emulator.phymem;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.pamt.Pamt;
import dev.pamt.seamcall.emulator.pamt.PamtWalk;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.Timing;
import java.util.Map;

/** TDH.PHYMEM.PAGE.RDMD (TDX module 1.5.25, tdh_phymem_page_rdmd.c). */
public final class PageMetadataHandlers implements HandlerFamily {
    private static final long RESERVED = 0xFF8;
    private static final long LEVEL = 7;
    private static final long NON_LEAF = 1L << 63;

    private final Pamt pamt;
    private final Timing timing;

    /** Makes the leaf. */
    public PageMetadataHandlers(Machine machine, Pamt pamt) {
        this.pamt = pamt;
        timing = machine.timing();
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(SeamcallLeaf.PHYMEM_PAGE_RDMD, this::read);
    }

    /** PAGE.RDMD. The registers are zero after every failure. */
    long read(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        long word = regs.rcx;
        regs.rcx = 0;
        regs.rdx = 0;
        regs.r8 = 0;
        regs.r9 = 0;
        regs.r10 = 0;
        regs.r11 = 0;
        PageLevel level = PageLevel.ofCode((int) (word & LEVEL));
        if ((word & RESERVED) != 0 || level == null || (!pamt.dynamic() && level != PageLevel.SIZE_4K)) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
        }
        long hpa = word & ~LEVEL;
        PamtWalk walk = new PamtWalk();
        long status = pamt.locate(walk, hpa, TdxOperand.RCX, LockMode.SHARED, level);
        if (status == 0) {
            timing.spend(SeamcallLeaf.PHYMEM_PAGE_RDMD);
            describe(walk, hpa, level, regs);
        }
        walk.release();
        return status;
    }

    private void describe(PamtWalk walk, long hpa, PageLevel asked, SeamcallRegisters regs) {
        int type = walk.type();
        if (asked == PageLevel.SIZE_4K && type == PageType.NDA && pamt.isDonatedOrReserved(walk.tdmr(), hpa)) {
            regs.rcx = PageType.PAMT;
            return;
        }
        regs.rcx = type;
        regs.r8 = walk.level().code();
        switch (type) {
            case PageType.PAMT -> {
                regs.rcx |= NON_LEAF;
                regs.r10 = walk.pairPage0();
                regs.r11 = walk.pairPage1();
            }
            case PageType.REG, PageType.EPT -> {
                regs.rdx = walk.ownerHpa();
                regs.r9 = walk.bepoch();
            }
            default -> regs.rdx = walk.ownerHpa();
        }
    }
}
