package dev.pamt.impl;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import java.util.HashSet;
import java.util.Set;

/**
 * An emulated module and a manager attached to it, with a hook in each callback: the module's calls, the host's allocator, the
 * memory that is scrubbed, and the locks. A hook that is not set does what the real thing does.
 */
final class Rig implements PageAllocator, PhysicalMemory, LockStrategy, AutoCloseable {
    static final long REGION = TestHost.REGION;
    static final long NEXT_REGION = TestHost.NEXT_REGION;

    final TdxHost host = TestHost.direct(PlatformConfig.builder().processors(2));
    final long freeAtFirst = host.freePages();
    final Set<Long> locksHeld = new HashSet<>();
    volatile Call call = SeamcallProvider::seamcall;
    volatile Take takePage = PageAllocator::allocPage;
    volatile Take takeChunk = PageAllocator::allocChunk;
    volatile Give givePage = PageAllocator::freePage;
    volatile Give giveChunk = PageAllocator::freeChunk;
    volatile Scrub scrub = PhysicalMemory::clearPage;
    volatile Lock lock = (locks, number) -> locks.add(number);
    volatile Lock unlock = (locks, number) -> locks.remove(number);
    int chunksTaken;

    /** A SEAMCALL, on the module. */
    interface Call {
        long make(SeamcallProvider module, long rax, SeamcallRegisters regs);
    }

    /** allocPage or allocChunk. */
    interface Take {
        long take(PageAllocator allocator);
    }

    /** freePage or freeChunk. */
    interface Give {
        void give(PageAllocator allocator, long hpa);
    }

    /** clearPage. */
    interface Scrub {
        void clear(PhysicalMemory memory, long hpa);
    }

    /** lock or unlock of a lock, with the set of those that are held. */
    interface Lock {
        void change(Set<Long> held, long number);
    }

    /** A builder for a manager on all these hooks but the locks. */
    PamtManager.Builder builder() {
        SeamcallProvider module = host.platform().processor(0);
        return PamtManager.builder()
                .seamcalls((rax, regs) -> call.make(module, rax, regs), this)
                .memory(TestHost.MAP)
                .allocator(this);
    }

    PamtManager manager() {
        return builder().build();
    }

    /** Has the next calls of a leaf answered by a hook, and later ones by the module. */
    void next(SeamcallLeaf leaf, int times, Call hook) {
        int[] left = {times};
        call = (module, rax, regs) -> {
            boolean hooked;
            synchronized (left) {
                hooked = rax == leaf.rax() && left[0] > 0;
                left[0] -= hooked ? 1 : 0;
            }
            return hooked ? hook.make(module, rax, regs) : module.seamcall(rax, regs);
        };
    }

    /** The host gives no 2M chunks. */
    Rig withoutChunks() {
        takeChunk = allocator -> NONE;
        return this;
    }

    boolean isBackedInModule(long regionHpa) {
        SeamcallRegisters regs = new SeamcallRegisters();
        new Seamcalls(host.platform().processor(0)).pageRdmd(regs, PageLevel.SIZE_2M.encode(regionHpa));
        return regs.rcx != 0;
    }

    /** How many pages the host lacks. */
    long pagesOut() {
        return freeAtFirst - host.freePages();
    }

    @Override
    public void close() {
        host.close();
    }

    @Override
    public long allocPage() {
        return takePage.take(host.allocator());
    }

    @Override
    public void freePage(long hpa) {
        givePage.give(host.allocator(), hpa);
    }

    @Override
    public long allocChunk() {
        long chunk = takeChunk.take(host.allocator());
        chunksTaken += chunk == NONE ? 0 : 1;
        return chunk;
    }

    @Override
    public void freeChunk(long hpa) {
        giveChunk.give(host.allocator(), hpa);
    }

    @Override
    public long read64(long hpa) {
        return host.platform().memory().read64(hpa);
    }

    @Override
    public void write64(long hpa, long value) {
        host.platform().memory().write64(hpa, value);
    }

    @Override
    public void clearPage(long hpa) {
        scrub.clear(host.platform().memory(), hpa);
    }

    @Override
    public String name() {
        return "rig";
    }

    /** A lock for each region, for one thread. */
    @Override
    public RegionLocks newLocks(MemoryMap memory, RegionBits bits) {
        return new RegionLocks() {
            @Override
            public long lockOf(long region) {
                return region;
            }

            @Override
            public boolean tryLock(long number) {
                if (locksHeld.contains(number)) {
                    throw new AssertionError("lock " + number + " was left held");
                }
                lock.change(locksHeld, number);
                return true;
            }

            @Override
            public void lock(long number) {
                throw new AssertionError("contended");
            }

            @Override
            public void unlock(long number) {
                unlock.change(locksHeld, number);
            }
        };
    }
}
