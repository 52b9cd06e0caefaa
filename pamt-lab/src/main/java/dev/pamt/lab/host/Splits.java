package dev.pamt.lab.host;

import static dev.pamt.lab.host.GuestMemory.BLOCK_BYTES;
import static dev.pamt.lab.host.GuestMemory.PAGES_PER_BLOCK;

import dev.pamt.api.PamtPageCache;
import dev.pamt.lab.host.LabCounts.Event;
import dev.pamt.lab.host.PamtPolicy.Use;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxStatus;
import java.util.BitSet;
import java.util.concurrent.locks.ReadWriteLock;

/**
 * Splits 2M pages, and merges 4K pages. The lock of the MMU is held alone, and memory is taken outside.
 *
 * <p><b>Thread-safety:</b> any number of threads.
 */
final class Splits {
    private static final int LEVEL_2M = MmuCalls.LEVEL_2M;

    private final LabHost host;
    private final Td td;
    private final GuestMemory memory;
    private final Mirror mirror;
    private final MmuCalls calls;
    private final ReadWriteLock lock;
    private final BitSet inhibited;

    Splits(MmuState state) {
        host = state.host;
        td = state.td;
        memory = state.memory;
        mirror = state.mirror;
        calls = state.calls;
        lock = state.lock;
        inhibited = state.inhibited;
    }

    /** {@link TdMmu#split}. */
    boolean split(int block) {
        if (!Mirror.isLarge(mirror.entry(LEVEL_2M, block * BLOCK_BYTES))) {
            return false;
        }
        try (PamtPageCache reserved = td.cache().reserve(PamtPageCache.SPLIT_PAIRS)) {
            long page = host.allocPage("Secure EPT page of a split");
            boolean given = false;
            lock.writeLock().lock();
            try {
                given = splitLocked(block, page, reserved);
                return given;
            } finally {
                lock.writeLock().unlock();
                if (!given) {
                    host.allocator().freePage(page);
                }
            }
        }
    }

    /** {@link TdMmu#splitFrom}. */
    int splitFrom(int block, SharedSplitCache shared) {
        if (!Mirror.isLarge(mirror.entry(LEVEL_2M, block * BLOCK_BYTES))) {
            return 0;
        }
        long page = host.allocPage("Secure EPT page of a split");
        boolean given = false;
        try {
            for (int topUps = 1; ; topUps++) {
                shared.topUp();
                lock.writeLock().lock();
                try {
                    if (!Mirror.isLarge(mirror.entry(LEVEL_2M, block * BLOCK_BYTES))) {
                        return 0;
                    }
                    if (shared.hasEnough()) {
                        given = shared.use(pairs -> splitLocked(block, page, pairs));
                        return topUps;
                    }
                } finally {
                    lock.writeLock().unlock();
                }
            }
        } finally {
            if (!given) {
                host.allocator().freePage(page);
            }
        }
    }

    private boolean splitLocked(int block, long page, PamtPageCache reserved) {
        long gpa = block * BLOCK_BYTES;
        long entry = mirror.entry(LEVEL_2M, gpa);
        if (!Mirror.isLarge(entry)) {
            return false;
        }
        SeamcallRegisters regs = new SeamcallRegisters();
        host.policy().beforeMap(Use.SEPT, page, reserved);
        boolean split = false;
        try {
            calls.blockAndTrack(regs, gpa, LEVEL_2M);
            long status = TdxStatus.OPERAND_BUSY.code();
            try {
                Patience patience = new Patience();
                do {
                    status = calls.restarting(
                            () -> calls.withoutVcpus(() -> demote(gpa, Mirror.hpaOf(entry), page, reserved)));
                } while (TdxStatus.MISSING_PAMT_PAGE_PAIR.matches(status)
                        && calls.isTriedAgain(status, page, patience));
            } finally {
                if (TdxStatus.isError(status)) {
                    calls.unblock(regs, gpa);
                }
            }
            TdxModule.succeed(SeamcallLeaf.MEM_PAGE_DEMOTE, status, Mirror.hpaOf(entry));
            split = true;
        } finally {
            if (!split) {
                host.policy().afterUnmap(Use.SEPT, page, false);
            }
        }
        mirror.setSplit(gpa, page);
        inhibited.set(block);
        host.counts().count(Event.SPLIT);
        return true;
    }

    private long demote(long gpa, long chunk, long page, PamtPageCache reserved) {
        return host.policy().demote2M(chunk, reserved, donating -> {
            donating.rcx = gpa | LEVEL_2M;
            donating.rdx = td.tdr();
            donating.r8 = page;
            return calls.processor().provider().seamcall(SeamcallLeaf.MEM_PAGE_DEMOTE.rax(), donating);
        });
    }

    /** {@link TdMmu#promote}. */
    boolean promote(int block) {
        if (!host.policy().mayPromote()) {
            return false;
        }
        long gpa = block * BLOCK_BYTES;
        lock.writeLock().lock();
        try {
            long entry = mirror.entry(LEVEL_2M, gpa);
            long chunk = memory.chunkAt(block);
            if (!Mirror.isTable(entry)
                    || chunk == GuestMemory.NONE
                    || mirror.count(block, Mirror.MAPPED) < PAGES_PER_BLOCK) {
                return false;
            }
            SeamcallRegisters regs = new SeamcallRegisters();
            calls.blockAndTrack(regs, gpa, LEVEL_2M);
            boolean merged = false;
            try {
                long status = calls.restarting(
                        () -> calls.withoutVcpus(() -> host.policy().promote2M(chunk, taking -> {
                            taking.rcx = gpa | LEVEL_2M;
                            taking.rdx = td.tdr();
                            return calls.processor().provider().seamcall(SeamcallLeaf.MEM_PAGE_PROMOTE.rax(), taking);
                        })));
                merged = !TdxStatus.isError(status);
            } finally {
                if (!merged) {
                    calls.unblock(regs, gpa);
                }
            }
            if (!merged) {
                return false;
            }
            mirror.setLarge(gpa, chunk);
            mirror.forgetLeaves(block);
            inhibited.clear(block);
            // The page of the table has come back.
            host.freePage(Use.SEPT, Mirror.hpaOf(entry), false);
            host.counts().count(Event.PROMOTED, PAGES_PER_BLOCK);
            return true;
        } finally {
            lock.writeLock().unlock();
        }
    }
}
