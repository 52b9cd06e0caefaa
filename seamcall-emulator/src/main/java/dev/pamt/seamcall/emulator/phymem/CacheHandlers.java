package dev.pamt.seamcall.emulator.phymem;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.key.KeyOwnershipTable;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.pamt.Pamt;
import dev.pamt.seamcall.emulator.pamt.PamtWalk;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.Timing;
import java.util.BitSet;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * TDH.PHYMEM.CACHE.WB and TDH.PHYMEM.PAGE.WBINVD (TDX module 1.5.25, tdh_phymem_cache_wb.c,
 * tdh_phymem_page_wbinvd.c). There are no caches here; what is
 * left of them is who may ask, and which key ids are done.
 */
public final class CacheHandlers implements HandlerFamily {
    private static final long RESUME = 1;
    private static final int CACHE_PARTS = 4;

    /** The write-back of one package, guarded by its mutex. */
    private static final class Progress {
        private final AtomicBoolean mutex = new AtomicBoolean();
        private BitSet flushedHkids = new BitSet();
        private int doneParts;
    }

    private final KeyOwnershipTable kot;
    private final Pamt pamt;
    private final HpaRules hpas;
    private final Timing timing;
    private final Progress[] progress;

    /** Makes the leaves. */
    public CacheHandlers(Machine machine, Pamt pamt, KeyOwnershipTable kot) {
        this.pamt = pamt;
        this.kot = kot;
        hpas = machine.hpas();
        timing = machine.timing();
        progress = new Progress[machine.packages()];
        for (int i = 0; i < progress.length; i++) {
            progress[i] = new Progress();
        }
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(
                SeamcallLeaf.PHYMEM_CACHE_WB, this::writeBack,
                SeamcallLeaf.PHYMEM_PAGE_WBINVD, this::pageWriteBack);
    }

    /** CACHE.WB: for all key ids that were flushed when it began. */
    long writeBack(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        if (regs.rcx < 0 || regs.rcx > RESUME) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
        }
        Progress mine = progress[lp.packageIndex()];
        if (!mine.mutex.compareAndSet(false, true)) {
            return TdxStatus.OPERAND_BUSY.with(TdxOperand.WBCACHE);
        }
        long status = TdxStatus.OPERAND_BUSY.with(TdxOperand.KOT);
        if (kot.lock().acquireShared()) {
            status = writeBack(mine, lp, regs.rcx == RESUME);
            kot.lock().releaseShared();
        }
        mine.mutex.set(false);
        return status;
    }

    private long writeBack(Progress mine, LogicalProcessor lp, boolean resume) {
        if (resume && mine.doneParts == 0) {
            return TdxStatus.WBCACHE_RESUME_ERROR.code();
        }
        if (!resume) {
            mine.doneParts = 0;
            mine.flushedHkids = kot.flushedHkids();
            if (mine.flushedHkids.isEmpty()) {
                return TdxStatus.NO_HKID_READY_TO_WBCACHE.code();
            }
        }
        timing.spend(SeamcallLeaf.PHYMEM_CACHE_WB);
        while (++mine.doneParts < CACHE_PARTS) {
            if (lp.interruptPending()) {
                return TdxStatus.INTERRUPTED_RESUMABLE.code();
            }
        }
        mine.doneParts = 0;
        int packageBit = 1 << lp.packageIndex();
        mine.flushedHkids.stream().forEach(hkid -> kot.clearWriteBackPackage(hkid, packageBit));
        return 0;
    }

    /** PAGE.WBINVD: of a free page, through any key id. */
    long pageWriteBack(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        PamtWalk walk = new PamtWalk();
        long status = pamt.lockFreePage(walk, hpas.withoutHkid(regs.rcx), TdxOperand.RCX, LockMode.SHARED);
        if (status == 0) {
            timing.spend(SeamcallLeaf.PHYMEM_PAGE_WBINVD);
        }
        walk.release();
        return status;
    }
}
