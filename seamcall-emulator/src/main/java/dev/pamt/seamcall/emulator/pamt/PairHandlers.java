package dev.pamt.seamcall.emulator.pamt;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.ModuleFatal;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import dev.pamt.seamcall.emulator.platform.Timing;
import dev.pamt.seamcall.emulator.tdmr.Tdmr;
import dev.pamt.seamcall.emulator.tdmr.TdmrTable;
import java.util.Map;

/**
 * TDH.PHYMEM.PAMT.ADD and TDH.PHYMEM.PAMT.REMOVE (TDX module 1.5.25; facts 4, observed 3 and 4).
 *
 * <p>Locks: the 2M entry of the region exclusive, the entries of donated pages in other regions shared. A handler that
 * leaves by {@link ModuleFatal} keeps its locks, hence no {@code finally}.
 */
public final class PairHandlers implements HandlerFamily {
    private static final long INVALID_RAX = TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX);
    private static final long LEVEL_AND_RESERVED = 0xFFF;

    private final SparseMemory memory;
    private final TdmrTable tdmrs;
    private final Pamt pamt;
    private final HpaRules hpas;
    private final Timing timing;

    /** Makes the two leaves. */
    public PairHandlers(Machine machine, TdmrTable tdmrs, Pamt pamt) {
        this.tdmrs = tdmrs;
        this.pamt = pamt;
        memory = machine.memory();
        hpas = machine.hpas();
        timing = machine.timing();
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(
                SeamcallLeaf.PHYMEM_PAMT_ADD, this::add,
                SeamcallLeaf.PHYMEM_PAMT_REMOVE, this::remove);
    }

    /** PAMT.ADD. Format and range of both pages are checked before the range of the region. */
    long add(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        if (!pamt.dynamic()) {
            return INVALID_RAX;
        }
        long region = regs.rcx & ~LEVEL_AND_RESERVED;
        if (!namesRegion(regs.rcx)) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
        }
        if (!hpas.isAligned(regs.rdx, PageLevel.SIZE_4K.bytes())) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX);
        }
        Tdmr tdmr0 = tdmrs.usable(regs.rdx);
        if (tdmr0 == null) {
            return TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.RDX);
        }
        if (!hpas.isAligned(regs.r8, PageLevel.SIZE_4K.bytes())) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.R8);
        }
        Tdmr tdmr1 = tdmrs.usable(regs.r8);
        if (tdmr1 == null) {
            return TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.R8);
        }
        Tdmr tdmr = tdmrs.usable(region);
        if (tdmr == null) {
            return TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.RCX);
        }
        PamtWalk target = new PamtWalk();
        if (!pamt.walk(target, tdmr, region, LockMode.EXCLUSIVE, PageLevel.SIZE_2M)) {
            return TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
        }
        long status = addTo(target, region, tdmr0, regs.rdx, tdmr1, regs.r8);
        target.release();
        return status;
    }

    private long addTo(PamtWalk target, long region, Tdmr tdmr0, long page0, Tdmr tdmr1, long page1) {
        if (target.level() != PageLevel.SIZE_2M || target.type() != PageType.NDA) {
            return TdxStatus.HPA_RANGE_NOT_FREE.with(TdxOperand.RCX);
        }
        pamt.reached(RacePoint.REGION_LOCKED);
        PamtWalk walk0 = new PamtWalk();
        PamtWalk walk1 = new PamtWalk();
        long status = lockDonation(walk0, region, tdmr0, page0, TdxOperand.RDX);
        if (status == 0) {
            status = lockDonation(walk1, region, tdmr1, page1, TdxOperand.R8);
        }
        if (status == 0) {
            status = pamt.claimPair(tdmr0, page0, TdxOperand.RDX, tdmr1, page1, TdxOperand.R8);
        }
        if (status == 0) {
            timing.spend(SeamcallLeaf.PHYMEM_PAMT_ADD);
            memory.zeroPage(page0);
            memory.zeroPage(page1);
            target.setPair(page0, page1);
        }
        walk1.release();
        walk0.release();
        return status;
    }

    /** A page of the region itself is covered by the region's own lock; only the bitmap decides about it. */
    private long lockDonation(PamtWalk walk, long region, Tdmr tdmr, long page, TdxOperand operand) {
        if ((page & -PageLevel.SIZE_2M.bytes()) == region) {
            return 0;
        }
        if (!pamt.walk(walk, tdmr, page, LockMode.SHARED, PageLevel.SIZE_4K)) {
            pamt.reached(RacePoint.DONOR_REFUSED);
            return TdxStatus.OPERAND_BUSY.with(operand);
        }
        return walk.type() == PageType.NDA ? 0 : TdxStatus.PAGE_NOT_FREE.with(operand);
    }

    /** PAMT.REMOVE. Only the types of the 512 entries are looked at, not their locks. */
    long remove(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        if (!pamt.dynamic()) {
            return INVALID_RAX;
        }
        long region = regs.rcx & ~LEVEL_AND_RESERVED;
        if (!namesRegion(regs.rcx)) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
        }
        Tdmr tdmr = tdmrs.usable(region);
        if (tdmr == null) {
            return TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.RCX);
        }
        PamtWalk target = new PamtWalk();
        if (!pamt.walk(target, tdmr, region, LockMode.EXCLUSIVE, PageLevel.SIZE_2M)) {
            return TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
        }
        long status = removeFrom(target, regs);
        target.release();
        return status;
    }

    private long removeFrom(PamtWalk target, SeamcallRegisters regs) {
        if (target.level() != PageLevel.SIZE_2M || target.type() != PageType.PAMT) {
            return TdxStatus.NO_PAMT_PAGE_PAIR.with(TdxOperand.RCX);
        }
        long page0 = target.pairPage0();
        long page1 = target.pairPage1();
        if (pamt.anyInUse(page0)) {
            return TdxStatus.PAMT_PAGE_NOT_EMPTY.with(0);
        }
        if (pamt.anyInUse(page1)) {
            return TdxStatus.PAMT_PAGE_NOT_EMPTY.with(1);
        }
        ModuleFatal.unless(target.pageCount() == 0, 343);
        Tdmr tdmr0 = tdmrs.usable(page0);
        Tdmr tdmr1 = tdmrs.usable(page1);
        ModuleFatal.unless(tdmr0 != null && tdmr1 != null, 338);
        timing.spend(SeamcallLeaf.PHYMEM_PAMT_REMOVE);
        pamt.returnPair(tdmr0, page0, tdmr1, page1);
        target.free();
        regs.rdx = page0;
        regs.r8 = page1;
        return 0;
    }

    private boolean namesRegion(long word) {
        return (word & LEVEL_AND_RESERVED) == PageLevel.SIZE_2M.code()
                && hpas.isAligned(word & ~LEVEL_AND_RESERVED, PageLevel.SIZE_2M.bytes());
    }
}
