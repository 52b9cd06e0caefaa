package dev.pamt.lab.host;

import static dev.pamt.lab.host.GuestMemory.BLOCK_BYTES;
import static dev.pamt.lab.host.GuestMemory.PAGES_PER_BLOCK;
import static dev.pamt.lab.host.GuestMemory.PAGE_BYTES;

import dev.pamt.api.PamtException;
import dev.pamt.lab.host.LabCounts.Event;
import dev.pamt.lab.host.PamtPolicy.Use;
import dev.pamt.lab.host.TdMmu.Fault;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxStatus;
import java.util.BitSet;
import java.util.concurrent.locks.ReadWriteLock;

/**
 * Maps what is missing: faults of vCPUs, and the first pages of a TD that is built. The lock of the MMU is shared.
 *
 * <p><b>Thread-safety:</b> any number of threads; a vCPU faults for itself.
 */
final class Faults {
    private static final int LEVEL_2M = MmuCalls.LEVEL_2M;

    private final LabHost host;
    private final Td td;
    private final GuestMemory memory;
    private final Mirror mirror;
    private final MmuCalls calls;
    private final ReadWriteLock lock;
    private final BitSet inhibited;

    Faults(MmuState state) {
        host = state.host;
        td = state.td;
        memory = state.memory;
        mirror = state.mirror;
        calls = state.calls;
        lock = state.lock;
        inhibited = state.inhibited;
    }

    /** {@link TdMmu#fault}. */
    Fault fault(Vcpu vcpu, long gpa, boolean only4K) {
        // Here memory may be allocated.
        vcpu.topUp();
        long hpa = memory.populate(gpa);
        lock.readLock().lock();
        try {
            // Here it may not.
            if (td.state() != Td.State.RUNNABLE) {
                throw new IllegalStateException(td.name() + " does not run: it is " + td.state());
            }
            if (memory.isShared(gpa)) {
                // The guest wants it private, and its user makes it so.
                memory.setShared(gpa, 1, false);
            }
            // A hole may have been punched before the lock was taken.
            Fault fault = memory.pageAt(gpa) == hpa ? map(vcpu, gpa, hpa, only4K) : Fault.AGAIN;
            host.counts().count(fault == Fault.AGAIN ? Event.FROZEN : Event.FAULT);
            return fault;
        } finally {
            lock.readLock().unlock();
        }
    }

    private Fault map(Vcpu vcpu, long gpa, long hpa, boolean only4K) {
        for (int level = Mirror.LEVELS; level > LEVEL_2M; level--) {
            if (!hasTable(vcpu, gpa, level)) {
                return Fault.AGAIN;
            }
        }
        long entry = mirror.entry(LEVEL_2M, gpa);
        if (Mirror.isLarge(entry)) {
            return only4K ? Fault.LARGER : Fault.MAPPED;
        }
        if (entry == Mirror.NO_TABLE && !only4K && map2M(vcpu, gpa)) {
            return Fault.MAPPED;
        }
        if (!hasTable(vcpu, gpa, LEVEL_2M)) {
            return Fault.AGAIN;
        }
        if (!mirror.freezeLeaf(gpa)) {
            return mirror.leaf(gpa) == Mirror.MAPPED ? Fault.MAPPED : Fault.AGAIN;
        }
        boolean mapped = false;
        try {
            augment(vcpu, gpa, hpa);
            mapped = true;
        } finally {
            mirror.setLeaf(gpa, mapped ? Mirror.MAPPED : Mirror.EMPTY);
        }
        host.counts().count(Event.MAPPED_4K);
        return Fault.MAPPED;
    }

    private void augment(Vcpu vcpu, long gpa, long hpa) {
        host.policy().beforeMap(Use.GUEST, hpa, vcpu.pairs());
        boolean given = false;
        try {
            long status;
            Patience patience = new Patience();
            do {
                status = vcpu.seamcalls().memPageAug(vcpu.regs, gpa, td.tdr(), hpa);
            } while (TdxStatus.isError(status) && calls.isTriedAgain(status, hpa, patience));
            TdxModule.succeed(SeamcallLeaf.MEM_PAGE_AUG, status, hpa);
            given = true;
        } finally {
            if (!given) {
                host.policy().afterUnmap(Use.GUEST, hpa, false);
            }
        }
    }

    /** Whether the table of a level is there; adds it if it is not. False if another vCPU is at it. */
    private boolean hasTable(Vcpu vcpu, long gpa, int level) {
        long entry = mirror.entry(level, gpa);
        if (Mirror.isTable(entry)) {
            return true;
        }
        if (!mirror.freezeTable(level, gpa)) {
            return Mirror.isTable(mirror.entry(level, gpa));
        }
        long page = vcpu.takeSeptPage();
        boolean given = false;
        try {
            addTable(vcpu, gpa & -(BLOCK_BYTES << (9 * (level - 1))), level, page);
            given = true;
            return true;
        } finally {
            if (given) {
                mirror.setTable(level, gpa, page);
            } else {
                mirror.setNoTable(level, gpa);
                vcpu.giveSeptPageBack(page);
            }
        }
    }

    private void addTable(Vcpu vcpu, long gpa, int level, long page) {
        boolean backs = !host.policy().backsSeptPagesAtTopUp();
        if (backs) {
            host.policy().beforeMap(Use.SEPT, page, vcpu.pairs());
        }
        boolean given = false;
        try {
            long status;
            Patience patience = new Patience();
            do {
                status = vcpu.seamcalls().memSeptAdd(vcpu.regs, gpa | level, td.tdr(), page);
            } while (TdxStatus.isError(status) && calls.isTriedAgain(status, page, patience));
            TdxModule.succeed(SeamcallLeaf.MEM_SEPT_ADD, status, page);
            given = true;
        } finally {
            if (!given && backs) {
                host.policy().afterUnmap(Use.SEPT, page, false);
            }
        }
    }

    /** Maps a whole block as one page if its memory, the guest, the policy and the module allow it. */
    private boolean map2M(Vcpu vcpu, long gpa) {
        int block = GuestMemory.blockOf(gpa);
        long chunk = memory.chunkAt(block);
        if (chunk == GuestMemory.NONE || inhibited.get(block) || hasShared(block)) {
            return false;
        }
        if (!host.policy().mayMap2M(chunk)) {
            host.counts().count(Event.REFUSED_2M);
            return false;
        }
        if (!mirror.freezeTable(LEVEL_2M, gpa)) {
            return false;
        }
        boolean mapped = false;
        try {
            mapped = augment2M(vcpu, gpa & -BLOCK_BYTES, chunk);
        } finally {
            if (mapped) {
                mirror.setLarge(gpa, chunk);
            } else {
                mirror.setNoTable(LEVEL_2M, gpa);
            }
        }
        host.counts().count(mapped ? Event.MAPPED_2M : Event.REFUSED_2M);
        return mapped;
    }

    private boolean augment2M(Vcpu vcpu, long gpa, long chunk) {
        try {
            host.policy().beforeMap2M(chunk);
        } catch (PamtException stillInUse) {
            return false;
        }
        boolean given = false;
        try {
            long status;
            Patience patience = new Patience();
            do {
                status = vcpu.seamcalls().memPageAug(vcpu.regs, gpa | LEVEL_2M, td.tdr(), chunk);
            } while (TdxStatus.isError(status) && calls.isTriedAgain(status, chunk, patience));
            given = !TdxStatus.isError(status);
            return given;
        } finally {
            if (!given) {
                host.policy().afterUnmap2M(chunk);
            }
        }
    }

    private boolean hasShared(int block) {
        long first = block * BLOCK_BYTES;
        for (int page = 0; page < PAGES_PER_BLOCK; page++) {
            if (memory.isShared(first + page * PAGE_BYTES)) {
                return true;
            }
        }
        return false;
    }

    /** Adds a page with contents, while the TD is built. */
    void add(Vcpu vcpu, long gpa) {
        vcpu.topUp();
        long hpa = memory.populate(gpa);
        for (int level = Mirror.LEVELS; level >= LEVEL_2M; level--) {
            hasTable(vcpu, gpa, level);
        }
        mirror.freezeLeaf(gpa);
        boolean given = false;
        try {
            host.policy().beforeMap(Use.GUEST, hpa, vcpu.pairs());
            try {
                long source = host.allocPage("a page of the image");
                try {
                    long status;
                    Patience patience = new Patience();
                    do {
                        status = vcpu.seamcalls().memPageAdd(vcpu.regs, gpa, td.tdr(), hpa, source);
                    } while (TdxStatus.isError(status) && calls.isTriedAgain(status, hpa, patience));
                    TdxModule.succeed(SeamcallLeaf.MEM_PAGE_ADD, status, hpa);
                    given = true;
                } finally {
                    host.allocator().freePage(source);
                }
            } finally {
                if (!given) {
                    host.policy().afterUnmap(Use.GUEST, hpa, false);
                }
            }
        } finally {
            mirror.setLeaf(gpa, given ? Mirror.MAPPED : Mirror.EMPTY);
        }
        host.counts().count(Event.MAPPED_4K);
    }
}
