package dev.pamt.seamcall.emulator.pamt;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.lock.HostPriorityLock;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.memory.Words;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.ModuleFatal;
import dev.pamt.seamcall.emulator.tdmr.Tdmr;
import dev.pamt.seamcall.emulator.tdmr.TdmrTable;

/**
 * Turns the entry of a large page into 512 entries and back, for DEMOTE and PROMOTE (TDX module 1.5.25, pamt_demote and
 * pamt_promote in pamt_manager.c; the numbers are its fatal error ids).
 *
 * <p>Locks: the entry of the large page exclusive, taken directly and not through a walk; pages of a new pair shared,
 * walked to. The 512 entries below are not locked: the S-EPT lock of the range keeps others from them.
 */
public final class PamtResize {
    private final SparseMemory memory;
    private final TdmrTable tdmrs;
    private final Pamt pamt;
    private final HpaRules hpas;

    /** Makes the resizing of a PAMT. */
    public PamtResize(Machine machine, TdmrTable tdmrs, Pamt pamt) {
        this.tdmrs = tdmrs;
        this.pamt = pamt;
        memory = machine.memory();
        hpas = machine.hpas();
    }

    /** Whether a page of this level has its small entries in a page pair. */
    public boolean usesPair(PageLevel level) {
        return pamt.dynamic() && level == PageLevel.SIZE_2M;
    }

    /** Splits the entry of a large page; the pair is looked at only for a 2M page in dynamic mode. */
    public long demote(long hpa, PageLevel level, long page0, long page1) {
        Tdmr tdmr = tdmrs.usable(hpa);
        ModuleFatal.unless(tdmr != null, 169);
        long entry = tdmr.pamtEntryHpa(hpa, level);
        long[] words = memory.page(entry);
        int index = SparseMemory.wordIndex(entry);
        ModuleFatal.unless(PamtEntry.type(words, index) == PageType.REG, 221);
        if (!HostPriorityLock.acquireExclusive(words, index)) {
            return TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX);
        }
        long status = 0;
        if (usesPair(level)) {
            status = demoteIntoPair(
                    words, index, new DonatedPage(page0, TdxOperand.R12), new DonatedPage(page1, TdxOperand.R13));
        } else {
            long owner = PamtEntry.ownerHpa(words, index);
            forEachChild(tdmr, hpa, level, (child, i) -> {
                PamtEntry.setTypeAndOwner(child, i, PageType.REG, owner);
                PamtEntry.setBepoch(child, i, 0);
            });
            PamtEntry.setType(words, index, PageType.NDA);
        }
        HostPriorityLock.releaseExclusive(words, index);
        return status;
    }

    private long demoteIntoPair(long[] words, int index, DonatedPage page0, DonatedPage page1) {
        long status = page0.checkFormat(hpas);
        if (status == 0) {
            status = page1.checkFormat(hpas);
        }
        if (status == 0) {
            status = page0.checkRange(tdmrs);
        }
        if (status == 0) {
            status = page1.checkRange(tdmrs);
        }
        if (status == 0) {
            status = page0.lock(pamt.entries());
        }
        if (status == 0) {
            status = page1.lock(pamt.entries());
        }
        if (status == 0) {
            status = pamt.bitmap().claimPair(page0, page1);
        }
        if (status == 0) {
            long leaf = PamtEntry.leafWord(PageType.REG, PamtEntry.ownerHpa(words, index));
            fill(page0.hpa(), leaf);
            fill(page1.hpa(), leaf);
            PamtEntry.setPair(words, index, page0.hpa(), page1.hpa(), PamtEntry.PER_REGION, false);
        }
        page1.release();
        page0.release();
        return status;
    }

    private void fill(long pairPage, long leaf) {
        long[] words = memory.page(pairPage);
        for (int i = 0; i < words.length; i += PamtEntry.WORDS) {
            Words.so(words, i, leaf);
            Words.so(words, i + 1, 0);
        }
    }

    /**
     * Merges 512 entries into that of a large page.
     *
     * @param pair receives the two pages that come free with it, if {@link #usesPair}
     * @return false if the entry of the large page is locked
     */
    public boolean promote(long hpa, PageLevel level, long[] pair) {
        Tdmr tdmr = tdmrs.usable(hpa);
        ModuleFatal.unless(tdmr != null, 168);
        long entry = tdmr.pamtEntryHpa(hpa, level);
        long[] words = memory.page(entry);
        int index = SparseMemory.wordIndex(entry);
        int type = PamtEntry.type(words, index);
        if (usesPair(level)) {
            ModuleFatal.unless(type == PageType.PAMT, 217);
        } else {
            ModuleFatal.unless(type == PageType.NDA, 223);
        }
        if (!HostPriorityLock.acquireExclusive(words, index)) {
            return false;
        }
        if (usesPair(level)) {
            pair[0] = PamtEntry.pairPage0(words, index);
            pair[1] = PamtEntry.pairPage1(words, index);
            promoteFromPair(words, index, pair[0], pair[1]);
        } else {
            promoteFromArray(words, index, tdmr, hpa, level);
        }
        HostPriorityLock.releaseExclusive(words, index);
        return true;
    }

    private void promoteFromPair(long[] words, int index, long page0, long page1) {
        long first = memory.read64(page0);
        PamtEntry.setTypeAndOwner(words, index, PamtEntry.typeOf(first), PamtEntry.ownerHpaOf(first));
        PamtEntry.setBepoch(words, index, 0);
        Tdmr tdmr0 = tdmrs.usable(page0);
        Tdmr tdmr1 = tdmrs.usable(page1);
        ModuleFatal.unless(tdmr0 != null && tdmr1 != null, 337);
        pamt.bitmap().returnPair(tdmr0, page0, tdmr1, page1);
    }

    private void promoteFromArray(long[] words, int index, Tdmr tdmr, long hpa, PageLevel level) {
        long first = memory.read64(childrenHpa(tdmr, hpa, level));
        int type = PamtEntry.typeOf(first);
        long owner = PamtEntry.ownerHpaOf(first);
        PamtEntry.setTypeAndOwner(words, index, type, owner);
        if (pamt.dynamic()) {
            PamtEntry.setBepoch(words, index, 0);
        }
        forEachChild(tdmr, hpa, level, (child, i) -> {
            ModuleFatal.unless(PamtEntry.type(child, i) == type && PamtEntry.ownerHpa(child, i) == owner, 219);
            PamtEntry.setType(child, i, PageType.NDA);
        });
    }

    private interface ChildAction {
        void on(long[] words, int index);
    }

    private void forEachChild(Tdmr tdmr, long hpa, PageLevel level, ChildAction action) {
        long children = childrenHpa(tdmr, hpa, level);
        for (long page = children; page < children + 2L * SparseMemory.PAGE_BYTES; page += SparseMemory.PAGE_BYTES) {
            long[] words = memory.page(page);
            for (int i = 0; i < words.length; i += PamtEntry.WORDS) {
                action.on(words, i);
            }
        }
    }

    private static long childrenHpa(Tdmr tdmr, long hpa, PageLevel level) {
        return tdmr.pamtEntryHpa(hpa, level == PageLevel.SIZE_2M ? PageLevel.SIZE_4K : PageLevel.SIZE_2M);
    }
}
