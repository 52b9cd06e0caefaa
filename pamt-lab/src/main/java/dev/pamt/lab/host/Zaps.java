package dev.pamt.lab.host;

import static dev.pamt.lab.host.GuestMemory.BLOCK_BYTES;
import static dev.pamt.lab.host.GuestMemory.PAGES_PER_BLOCK;
import static dev.pamt.lab.host.GuestMemory.PAGE_BYTES;

import dev.pamt.lab.host.LabCounts.Event;
import dev.pamt.lab.host.PamtPolicy.Use;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxStatus;
import java.util.concurrent.locks.ReadWriteLock;

/**
 * Takes pages away from a guest that runs: RANGE.BLOCK each, TRACK once, every vCPU leaves the guest once, PAGE.REMOVE, PAGE.WBINVD, put. The lock of
 * the MMU is held alone.
 *
 * <p><b>Thread-safety:</b> any number of threads.
 */
final class Zaps {
    private static final int LEVEL_2M = MmuCalls.LEVEL_2M;

    private final LabHost host;
    private final Td td;
    private final GuestMemory memory;
    private final Mirror mirror;
    private final MmuCalls calls;
    private final ReadWriteLock lock;
    private final Splits splits;

    Zaps(MmuState state, Splits splits) {
        host = state.host;
        td = state.td;
        memory = state.memory;
        mirror = state.mirror;
        calls = state.calls;
        lock = state.lock;
        this.splits = splits;
    }

    /** {@link TdMmu#zap}. */
    void zap(long gpa, int pages) {
        zap(gpa, pages, () -> {});
    }

    /** Takes pages away, and does something else before another thread can map them again. */
    private void zap(long gpa, int pages, Runnable also) {
        long end = gpa + pages * PAGE_BYTES;
        boolean done = false;
        while (!done) {
            splitEdge(gpa);
            splitEdge(end);
            lock.writeLock().lock();
            try {
                // A fault may have mapped a 2M page there meanwhile.
                done = !isWithin2M(gpa) && !isWithin2M(end);
                if (done) {
                    zapLocked(gpa, end);
                    also.run();
                }
            } finally {
                lock.writeLock().unlock();
            }
        }
    }

    /** Whether an address lies within a page that is mapped as 2M, and not at its beginning. */
    private boolean isWithin2M(long gpa) {
        return (gpa & (BLOCK_BYTES - 1)) != 0 && Mirror.isLarge(mirror.entry(LEVEL_2M, gpa));
    }

    private void splitEdge(long gpa) {
        if ((gpa & (BLOCK_BYTES - 1)) != 0) {
            splits.split(GuestMemory.blockOf(gpa));
        }
    }

    /** {@link TdMmu#convert}. */
    void convert(long gpa, int pages, boolean toShared) {
        if (toShared) {
            zap(gpa, pages, () -> memory.setShared(gpa, pages, true));
        } else {
            memory.setShared(gpa, pages, false);
        }
    }

    private void zapLocked(long gpa, long end) {
        SeamcallRegisters regs = new SeamcallRegisters();
        int blocked = 0;
        for (long at = gpa; at < end; at += step(at)) {
            if (isMapped(at) && blockRange(regs, at)) {
                blocked++;
            }
        }
        if (blocked == 0) {
            return;
        }
        calls.track(regs);
        for (long at = gpa; at < end; ) {
            long next = at + step(at);
            if (isMapped(at)) {
                remove(regs, at);
            }
            at = next;
        }
    }

    /** How far it is to the next page: a 2M page counts as a whole, an absent table as well. */
    private long step(long gpa) {
        return Mirror.isTable(mirror.entry(LEVEL_2M, gpa)) ? PAGE_BYTES : BLOCK_BYTES - (gpa & (BLOCK_BYTES - 1));
    }

    private boolean isMapped(long gpa) {
        return Mirror.isLarge(mirror.entry(LEVEL_2M, gpa)) || mirror.leaf(gpa) == Mirror.MAPPED;
    }

    private int levelAt(long gpa) {
        return Mirror.isLarge(mirror.entry(LEVEL_2M, gpa)) ? LEVEL_2M : 0;
    }

    private boolean blockRange(SeamcallRegisters regs, long gpa) {
        long status = calls.withoutVcpus(() -> calls.processor().memRangeBlock(regs, gpa | levelAt(gpa), td.tdr()));
        if (TdxStatus.isError(status)) {
            lose(SeamcallLeaf.MEM_RANGE_BLOCK, status, gpa);
            return false;
        }
        return true;
    }

    private void remove(SeamcallRegisters regs, long gpa) {
        int level = levelAt(gpa);
        long hpa = level == LEVEL_2M ? Mirror.hpaOf(mirror.entry(LEVEL_2M, gpa)) : memory.pageAt(gpa);
        long status = calls.restarting(
                () -> calls.withoutVcpus(() -> calls.processor().memPageRemove(regs, gpa | level, td.tdr())));
        if (TdxStatus.isError(status)) {
            lose(SeamcallLeaf.MEM_PAGE_REMOVE, status, gpa);
            return;
        }
        boolean hint = TdMmu.isHint(regs.rcx);
        writeBack(regs, hpa, level == LEVEL_2M ? PAGES_PER_BLOCK : 1);
        if (level == LEVEL_2M) {
            mirror.setNoTable(LEVEL_2M, gpa);
            host.policy().afterUnmap2M(hpa);
            host.counts().count(Event.ZAPPED, PAGES_PER_BLOCK);
        } else {
            mirror.setLeaf(gpa, Mirror.EMPTY);
            host.policy().afterUnmap(Use.GUEST, hpa, hint);
            host.counts().count(Event.ZAPPED);
        }
    }

    /**
     * Writes the cache lines of pages back. The address has no key id in it: what a backend offers does not say at which bit they begin. A
     * page that is not written back is not lost: the host may see stale bytes in it, which it overwrites.
     */
    private void writeBack(SeamcallRegisters regs, long hpa, int pages) {
        for (int page = 0; page < pages; page++) {
            long at = hpa + page * PAGE_BYTES;
            long status = calls.processor().pageWbinvd(regs, at);
            if (TdxStatus.isError(status)) {
                host.complain(td.name(), SeamcallLeaf.PHYMEM_PAGE_WBINVD, status, at);
            }
        }
    }

    /** The module has not let a page go. It is left where it is, with its reference, and the TD ends. */
    private void lose(SeamcallLeaf leaf, long status, long gpa) {
        host.complain(td.name(), leaf, status, gpa);
        if (levelAt(gpa) == 0) {
            mirror.setLeaf(gpa, Mirror.STUCK);
        }
        td.bug();
    }

    /** {@link TdMmu#punchHole}. */
    void punchHole(int block) {
        zap(block * BLOCK_BYTES, PAGES_PER_BLOCK, () -> {
            if (mirror.count(block, Mirror.STUCK) == 0
                    && !Mirror.isLarge(mirror.entry(LEVEL_2M, block * BLOCK_BYTES))) {
                memory.punchHole(block);
            }
        });
    }
}
