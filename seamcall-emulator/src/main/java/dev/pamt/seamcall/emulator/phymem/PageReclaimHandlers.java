package dev.pamt.seamcall.emulator.phymem;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.pamt.ImplicitEntry;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.pamt.Pamt;
import dev.pamt.seamcall.emulator.pamt.PamtWalk;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.Timing;
import dev.pamt.seamcall.emulator.td.Td;
import dev.pamt.seamcall.emulator.td.TdLifecycle;
import dev.pamt.seamcall.emulator.td.TdTable;
import dev.pamt.seamcall.emulator.vp.VcpuTable;
import java.util.Map;

/** TDH.PHYMEM.PAGE.RECLAIM (TDX module 1.5.25, tdh_phymem_page_reclaim.c). */
public final class PageReclaimHandlers implements HandlerFamily {

    private final Pamt pamt;
    private final TdTable tds;
    private final VcpuTable vcpus;
    private final Timing timing;

    /** Makes the leaf. */
    public PageReclaimHandlers(Machine machine, Pamt pamt, TdTable tds, VcpuTable vcpus) {
        this.pamt = pamt;
        this.tds = tds;
        this.vcpus = vcpus;
        timing = machine.timing();
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(SeamcallLeaf.PHYMEM_PAGE_RECLAIM, this::reclaim);
    }

    /** PAGE.RECLAIM. Type, owner and level are returned even if the life cycle forbids the reclaim. */
    long reclaim(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        long hpa = regs.rcx;
        regs.rcx = 0;
        regs.rdx = 0;
        regs.r8 = 0;
        regs.r9 = 0;
        regs.r10 = 0;
        regs.r11 = 0;
        PamtWalk walk = new PamtWalk();
        long status = pamt.locate(walk, hpa, TdxOperand.RCX, LockMode.EXCLUSIVE, PageLevel.SIZE_4K);
        if (status == 0) {
            status = reclaimAt(walk, hpa, regs);
        }
        walk.release();
        return status;
    }

    private long reclaimAt(PamtWalk walk, long hpa, SeamcallRegisters regs) {
        int type = walk.type();
        if (type == PageType.NDA || type == PageType.RSVD) {
            return TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RCX);
        }
        PageLevel level = walk.level();
        regs.rcx = type;
        regs.rdx = walk.ownerHpa();
        regs.r8 = level.code();
        if ((hpa & level.bytes() - 1) != 0) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
        }
        return type == PageType.TDR ? reclaimRoot(walk, hpa, regs) : reclaimChild(walk, hpa, regs);
    }

    private void free(PamtWalk walk, long hpa, SeamcallRegisters regs) {
        timing.spend(SeamcallLeaf.PHYMEM_PAGE_RECLAIM);
        if (walk.type() == PageType.TDVPR) {
            vcpus.remove(hpa);
        }
        regs.r9 = walk.freePage();
    }

    private long reclaimRoot(PamtWalk walk, long tdrHpa, SeamcallRegisters regs) {
        Td td = tds.at(tdrHpa);
        if (td.lifecycle() != TdLifecycle.TEARDOWN) {
            return TdxStatus.LIFECYCLE_STATE_INCORRECT.code();
        }
        if (td.childPages() != 0) {
            return TdxStatus.TD_ASSOCIATED_PAGES_EXIST.code();
        }
        tds.remove(tdrHpa);
        free(walk, tdrHpa, regs);
        return 0;
    }

    /** Holds the root page to the end: it could be reclaimed before the page otherwise, and the hint be on the wrong call. */
    private long reclaimChild(PamtWalk walk, long hpa, SeamcallRegisters regs) {
        long tdrHpa = walk.ownerHpa();
        ImplicitEntry tdr = pamt.implicit(tdrHpa, PageLevel.SIZE_4K);
        if (!tdr.acquire(LockMode.SHARED)) {
            return TdxStatus.OPERAND_BUSY.with(TdxOperand.TDR);
        }
        Td td = tds.at(tdrHpa);
        long status = TdxStatus.LIFECYCLE_STATE_INCORRECT.code();
        if (td.lifecycle() == TdLifecycle.TEARDOWN) {
            td.addChildPages(-walk.level().bytes() / PageLevel.SIZE_4K.bytes());
            free(walk, hpa, regs);
            status = 0;
        }
        tdr.release(LockMode.SHARED);
        return status;
    }
}
