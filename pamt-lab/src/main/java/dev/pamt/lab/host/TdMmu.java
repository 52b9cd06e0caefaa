package dev.pamt.lab.host;

import static dev.pamt.lab.host.GuestMemory.BLOCK_BYTES;
import static dev.pamt.lab.host.GuestMemory.PAGES_PER_BLOCK;
import static dev.pamt.lab.host.GuestMemory.PAGE_BYTES;

import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PamtException;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.lab.host.LabCounts.Event;
import dev.pamt.lab.host.PamtPolicy.Use;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import java.util.BitSet;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.StampedLock;

/**
 * The mappings of a TD's memory: faults of its vCPUs, splits, merges, and pages that are taken away, under a lock like KVM's mmu_lock. Faults
 * share it; whatever takes a mapping away holds it alone. Memory is allocated outside.
 *
 * <p>The order at each place is KVM's. A page's region is got before the page is given to the module, and put after the SEAMCALL that took it
 * back has returned. To take pages away: RANGE.BLOCK each, TRACK once, make every vCPU leave the guest once, PAGE.REMOVE, PAGE.WBINVD.
 *
 * <p><b>Thread-safety:</b> any number of threads; a vCPU faults for itself.
 */
public final class TdMmu {
    /** How often a call is made again that is busy or interrupted. */
    private static final int MOST_TRIES = 1000;

    private static final long HINT = 1L << 62;
    private static final int LEVEL_2M = 1;

    /** How a fault has ended. */
    public enum Fault {
        /** The page is mapped, as a 4K page or within a 2M page. */
        MAPPED,
        /** Another vCPU is changing the entry; the fault comes again. */
        AGAIN,
        /** A 2M page is mapped, and 4K were asked for: it has to be split. */
        LARGER
    }

    private final LabHost host;
    private final Td td;
    private final GuestMemory memory;
    private final Mirror mirror;
    /** Not reentrant, and needs not be; a ReentrantReadWriteLock counts the holds of each reader, which took as long as a fault. */
    private final ReadWriteLock lock = new StampedLock().asReadWriteLock();

    /** Blocks that are never mapped as one page again, because the guest has accepted pages of 4K (GUEST_INHIBIT); under the lock. */
    private final BitSet inhibited = new BitSet();

    TdMmu(LabHost host, Td td, GuestMemory memory) {
        this.host = host;
        this.td = td;
        this.memory = memory;
        mirror = new Mirror(memory.blocks());
    }

    static boolean isHint(long register) {
        return (register & HINT) != 0;
    }

    /**
     * Maps a page for a vCPU that has touched it.
     *
     * @param vcpu the vCPU
     * @param gpa the guest address
     * @param only4K whether the guest wants a 4K page, and not to be in a 2M page
     * @return how it has ended
     * @throws PamtException if the page cannot be backed, or the module refuses it; nothing has changed
     * @throws IllegalStateException if the TD does not run
     */
    public Fault fault(Vcpu vcpu, long gpa, boolean only4K) {
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
            } while (TdxStatus.isError(status) && isTriedAgain(status, hpa, patience));
            TdxModule.succeed(SeamcallLeaf.MEM_PAGE_AUG, status, hpa);
            given = true;
        } finally {
            if (!given) {
                host.policy().afterUnmap(Use.GUEST, hpa, false);
            }
        }
    }

    /** Whether a call that was refused is made again: the module was busy, or a pair was missing and is there now. */
    private boolean isTriedAgain(long status, long hpa, Patience patience) {
        if (TdxStatus.MISSING_PAMT_PAGE_PAIR.matches(status)) {
            host.counts().count(Event.MISSING_PAIR);
            return patience.waits() && host.policy().onMissingPair(hpa);
        }
        if (TdxStatus.OPERAND_BUSY.matches(status)) {
            host.counts().count(Event.BUSY);
            return patience.waits();
        }
        return false;
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
            } while (TdxStatus.isError(status) && isTriedAgain(status, page, patience));
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
            } while (TdxStatus.isError(status) && isTriedAgain(status, chunk, patience));
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
                    } while (TdxStatus.isError(status) && isTriedAgain(status, hpa, patience));
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

    /**
     * Splits the 2M page of a block into 4K pages, with pairs that are set aside before; does nothing if there is no 2M page.
     *
     * @param block the number of the block
     * @return whether it was split
     * @throws OutOfPagesException if the host has no memory for the table or the pairs; the block is mapped as before
     * @throws SeamcallFailedException if the module refuses; the block is mapped as before, unless the TD is {@link Td.State#BUGGED}
     */
    public boolean split(int block) {
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

    /**
     * Splits as {@link #split}, with pairs of a cache that all splitters of the TD share: topped up outside the lock of the MMU, looked at
     * again inside, and topped up once more if another splitter was faster.
     *
     * @param block the number of the block
     * @param shared the cache
     * @return how often the cache was topped up for this split; 0 if there was no 2M page, or another thread has split it
     */
    public int splitFrom(int block, SharedSplitCache shared) {
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
            blockAndTrack(regs, gpa, LEVEL_2M);
            long status = TdxStatus.OPERAND_BUSY.code();
            try {
                Patience patience = new Patience();
                do {
                    status = restarting(() -> withoutVcpus(() -> demote(gpa, Mirror.hpaOf(entry), page, reserved)));
                } while (TdxStatus.MISSING_PAMT_PAGE_PAIR.matches(status) && isTriedAgain(status, page, patience));
            } finally {
                if (TdxStatus.isError(status)) {
                    unblock(regs, gpa);
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
            return processor().provider().seamcall(SeamcallLeaf.MEM_PAGE_DEMOTE.rax(), donating);
        });
    }

    /**
     * Merges the 4K pages of a block into one 2M page, if all of them are mapped and their memory is a chunk.
     *
     * @param block the number of the block
     * @return whether the module has merged them: it wants all to be accepted, or none
     */
    public boolean promote(int block) {
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
            blockAndTrack(regs, gpa, LEVEL_2M);
            boolean merged = false;
            try {
                long status = restarting(() -> withoutVcpus(() -> host.policy().promote2M(chunk, taking -> {
                    taking.rcx = gpa | LEVEL_2M;
                    taking.rdx = td.tdr();
                    return processor().provider().seamcall(SeamcallLeaf.MEM_PAGE_PROMOTE.rax(), taking);
                })));
                merged = !TdxStatus.isError(status);
            } finally {
                if (!merged) {
                    unblock(regs, gpa);
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

    /**
     * Takes the pages of a range away from the guest. A 2M page that the range covers in part is split first, because what is taken away is
     * lost to the guest.
     *
     * @param gpa the first page
     * @param pages how many 4K pages
     */
    public void zap(long gpa, int pages) {
        zap(gpa, pages, () -> {});
    }

    /** Takes pages away, and does something else before anybody can map them again. */
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
            split(GuestMemory.blockOf(gpa));
        }
    }

    /**
     * Makes pages shared or private, as a guest or its user asks; what becomes shared is taken away from the TD.
     *
     * @param gpa the first page
     * @param pages how many 4K pages
     * @param toShared whether they become shared
     */
    public void convert(long gpa, int pages, boolean toShared) {
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
        track(regs);
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
        long status = withoutVcpus(() -> processor().memRangeBlock(regs, gpa | levelAt(gpa), td.tdr()));
        if (TdxStatus.isError(status)) {
            lose(SeamcallLeaf.MEM_RANGE_BLOCK, status, gpa);
            return false;
        }
        return true;
    }

    private void blockAndTrack(SeamcallRegisters regs, long gpa, int level) {
        TdxModule.succeed(
                SeamcallLeaf.MEM_RANGE_BLOCK,
                withoutVcpus(() -> processor().memRangeBlock(regs, gpa | level, td.tdr())),
                td.tdr());
        boolean tracked = false;
        try {
            track(regs);
            tracked = true;
        } finally {
            if (!tracked) {
                unblock(regs, gpa);
            }
        }
    }

    /** Begins a new epoch of the TLB, and makes every vCPU leave the one before. */
    private void track(SeamcallRegisters regs) {
        TdxModule.succeed(SeamcallLeaf.MEM_TRACK, withoutVcpus(() -> processor().memTrack(regs, td.tdr())), td.tdr());
        kick();
    }

    private void unblock(SeamcallRegisters regs, long gpa) {
        long status = withoutVcpus(() -> processor().memRangeUnblock(regs, gpa | LEVEL_2M, td.tdr()));
        if (TdxStatus.isError(status)) {
            host.complain(td.name(), SeamcallLeaf.MEM_RANGE_UNBLOCK, status, gpa);
            td.bug();
        }
    }

    private void remove(SeamcallRegisters regs, long gpa) {
        int level = levelAt(gpa);
        long hpa = level == LEVEL_2M ? Mirror.hpaOf(mirror.entry(LEVEL_2M, gpa)) : memory.pageAt(gpa);
        long status = restarting(() -> withoutVcpus(() -> processor().memPageRemove(regs, gpa | level, td.tdr())));
        if (TdxStatus.isError(status)) {
            lose(SeamcallLeaf.MEM_PAGE_REMOVE, status, gpa);
            return;
        }
        boolean hint = isHint(regs.rcx);
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
            long status = processor().pageWbinvd(regs, at);
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

    /**
     * Takes a block away from the guest, and gives its memory back to the host, unless the module has not let it go.
     *
     * @param block the number of the block
     */
    public void punchHole(int block) {
        zap(block * BLOCK_BYTES, PAGES_PER_BLOCK, () -> {
            if (mirror.count(block, Mirror.STUCK) == 0
                    && !Mirror.isLarge(mirror.entry(LEVEL_2M, block * BLOCK_BYTES))) {
                memory.punchHole(block);
            }
        });
    }

    /** Reclaims the pages of a block when the TD has no key any more. */
    void reclaimBlock(Vcpu vcpu, int block, boolean freesMemory) {
        long gpa = block * BLOCK_BYTES;
        long entry = mirror.takeEntry(LEVEL_2M, block);
        if (Mirror.isLarge(entry)) {
            long chunk = Mirror.hpaOf(entry);
            if (reclaimed(vcpu, chunk, gpa)) {
                host.policy().afterUnmap2M(chunk);
            }
        } else if (Mirror.isTable(entry)) {
            for (int page = 0; page < PAGES_PER_BLOCK; page++) {
                reclaimPage(vcpu, gpa + page * PAGE_BYTES);
            }
            td.reclaim(vcpu.regs, vcpu.processor(), Use.SEPT, Mirror.hpaOf(entry));
        }
        mirror.forgetLeaves(block);
        if (freesMemory) {
            memory.punchHole(block);
        }
    }

    private void reclaimPage(Vcpu vcpu, long gpa) {
        byte leaf = mirror.leaf(gpa);
        if (leaf != Mirror.MAPPED && leaf != Mirror.STUCK) {
            return;
        }
        long hpa = memory.pageAt(gpa);
        if (reclaimed(vcpu, hpa, gpa)) {
            host.policy().afterUnmap(Use.GUEST, hpa, isHint(vcpu.regs.r9));
        }
    }

    private boolean reclaimed(Vcpu vcpu, long hpa, long gpa) {
        long status = vcpu.seamcalls().pageReclaim(vcpu.regs, hpa);
        if (!TdxStatus.isError(status)) {
            return true;
        }
        host.complain(td.name(), SeamcallLeaf.PHYMEM_PAGE_RECLAIM, status, hpa);
        memory.lose(gpa);
        return false;
    }

    /** Reclaims the tables above those of blocks, and those of blocks that are left. */
    void reclaimTables(SeamcallRegisters regs) {
        for (int level = LEVEL_2M; level <= Mirror.LEVELS; level++) {
            for (int index = 0; index < mirror.entries(level); index++) {
                long entry = mirror.takeEntry(level, index);
                if (Mirror.isTable(entry)) {
                    td.reclaim(regs, 0, Use.SEPT, Mirror.hpaOf(entry));
                }
            }
        }
    }

    private Seamcalls processor() {
        return host.module().on(0);
    }

    /** A call of the module. */
    private interface Call {
        long make();
    }

    /**
     * Makes a call; if it is busy, makes all vCPUs leave the guest, lets none in, and makes it once more. Nobody but this TD's vCPUs can be in
     * its way then.
     */
    private long withoutVcpus(Call call) {
        long status = call.make();
        if (!TdxStatus.OPERAND_BUSY.matches(status)) {
            return status;
        }
        host.counts().count(Event.BUSY);
        td.vcpus().forEach(vcpu -> vcpu.guest().keepOut());
        try {
            kick();
            return call.make();
        } finally {
            td.vcpus().forEach(vcpu -> vcpu.guest().letIn());
        }
    }

    /** Makes a call again as long as it is interrupted, up to a bound. */
    private long restarting(Call call) {
        long status = call.make();
        for (int tries = 1; TdxStatus.INTERRUPTED_RESTARTABLE.matches(status) && tries < MOST_TRIES; tries++) {
            host.counts().count(Event.RESTARTED);
            status = call.make();
        }
        return status;
    }

    private void kick() {
        for (Vcpu vcpu : td.vcpus()) {
            if (vcpu.guest().kick()) {
                host.counts().count(Event.KICK);
            }
        }
    }
}
