package dev.pamt.impl.oom;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import java.util.concurrent.atomic.AtomicInteger;

/** What is done behind the manager's back, to see that it is found. */
enum Sabotage {
    NONE,
    /** A lock that is left stays held. */
    LOCK {
        @Override
        LockStrategy on(LockStrategy strategy) {
            return new ForgetfulStrategy(strategy);
        }
    },
    /** A page that is given back does not arrive. */
    PAGE {
        @Override
        PageAllocator on(PageAllocator allocator) {
            return new LeakyAllocator(allocator);
        }
    },
    /** The module is given a pair that it had before, so that a region keeps one. */
    MODULE {
        @Override
        SeamcallProvider on(SeamcallProvider module) {
            AtomicInteger removes = new AtomicInteger();
            return (rax, regs) -> {
                long regionAndLevel = regs.rcx;
                long status = module.seamcall(rax, regs);
                if (rax == SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax() && removes.incrementAndGet() == TURN) {
                    long page0 = regs.rdx;
                    long page1 = regs.r8;
                    regs.rcx = regionAndLevel;
                    module.seamcall(SeamcallLeaf.PHYMEM_PAMT_ADD.rax(), regs);
                    regs.rdx = page0;
                    regs.r8 = page1;
                }
                return status;
            };
        }
    };

    /** Which call goes wrong. */
    private static final int TURN = 4;

    LockStrategy on(LockStrategy strategy) {
        return strategy;
    }

    PageAllocator on(PageAllocator allocator) {
        return allocator;
    }

    SeamcallProvider on(SeamcallProvider module) {
        return module;
    }

    private record ForgetfulStrategy(LockStrategy strategy) implements LockStrategy {
        @Override
        public String name() {
            return "forgetful";
        }

        @Override
        public RegionLocks newLocks(MemoryMap memory, RegionBits bits) {
            return new ForgetfulLocks(strategy.newLocks(memory, bits), new AtomicInteger());
        }
    }

    private record ForgetfulLocks(LockStrategy.RegionLocks locks, AtomicInteger left)
            implements LockStrategy.RegionLocks {
        @Override
        public long lockOf(long region) {
            return locks.lockOf(region);
        }

        @Override
        public boolean tryLock(long lock) {
            return locks.tryLock(lock);
        }

        @Override
        public void lock(long lock) {
            locks.lock(lock);
        }

        @Override
        public void unlock(long lock) {
            if (left.incrementAndGet() != TURN) {
                locks.unlock(lock);
            }
        }
    }

    private record LeakyAllocator(PageAllocator pages, AtomicInteger freed) implements PageAllocator {
        LeakyAllocator(PageAllocator pages) {
            this(pages, new AtomicInteger());
        }

        @Override
        public long allocPage() {
            return pages.allocPage();
        }

        @Override
        public void freePage(long hpa) {
            if (freed.incrementAndGet() != TURN) {
                pages.freePage(hpa);
            }
        }
    }
}
