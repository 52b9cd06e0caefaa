package dev.pamt.benchmarks.rivals;

import com.google.common.util.concurrent.Striped;
import dev.pamt.api.LockStrategy;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.SeamcallRegisters;
import io.netty.util.AbstractReferenceCounted;
import io.netty.util.ReferenceCounted;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.Lock;

/**
 * Who is compared with whom. The bare ones count and do nothing else: they are the limit. The kernel's protocols are ported
 * as they are, the others are what a Java developer would write first; all of these back regions for real.
 */
public final class Rivals {
    private Rivals() {}

    /** Makes a rival by its name. The regions begin at an address and are that many. */
    public static RegionCounts of(String name, TdxHost host, long firstRegionHpa, int regions) {
        return switch (name) {
            case "bare-atomic" -> new BareAtomics(firstRegionHpa, regions);
            case "bare-varhandle" -> new BareArray(firstRegionHpa, regions);
            case "merged-always-lock" -> new AlwaysLock(host, firstRegionHpa, regions);
            case "v6-dec-and-lock" -> new DecAndLock(host, firstRegionHpa, regions);
            case "chm-merge" -> new MergeInMap(host);
            case "synchronized-map" -> new SynchronizedMap(host);
            case "striped-map" -> new StripedMap(host);
            case "netty-refcnt" -> new NettyCounts(firstRegionHpa, regions);
            case "ours-global" -> new Ours(host, LockStrategy.global());
            case "ours-hashed" -> new Ours(host, LockStrategy.hashed(64));
            case "ours-per2M" -> new Ours(host, LockStrategy.per2M());
            default -> throw new IllegalArgumentException("no rival is named " + name);
        };
    }

    private static long regionHpa(long hpa) {
        return hpa & -PageAllocator.CHUNK_BYTES;
    }

    private static int index(long hpa, long firstRegionHpa) {
        return (int) ((hpa - firstRegionHpa) >>> 21);
    }

    /** This library. */
    private record Ours(PamtManager manager) implements RegionCounts {
        Ours(TdxHost host, LockStrategy strategy) {
            this(PamtManager.builder().host(host).lockStrategy(strategy).build());
        }

        @Override
        public void get(long hpa) {
            manager.get(hpa);
        }

        @Override
        public void put(long hpa) {
            manager.put(hpa);
        }

        @Override
        public void close() {
            manager.close();
        }
    }

    /** The limit: two atomic additions to an object's field. */
    private static final class BareAtomics implements RegionCounts {
        private final long first;
        private final AtomicInteger[] counts;

        BareAtomics(long first, int regions) {
            this.first = first;
            counts = new AtomicInteger[regions];
            for (int i = 0; i < regions; i++) {
                counts[i] = new AtomicInteger();
            }
        }

        @Override
        public void get(long hpa) {
            counts[index(hpa, first)].getAndIncrement();
        }

        @Override
        public void put(long hpa) {
            counts[index(hpa, first)].getAndDecrement();
        }

        @Override
        public void close() {}
    }

    /** The limit: two atomic additions to a dense array, neighbours beside each other. */
    private static final class BareArray implements RegionCounts {
        private static final VarHandle COUNT = MethodHandles.arrayElementVarHandle(int[].class);

        private final long first;
        private final int[] counts;

        BareArray(long first, int regions) {
            this.first = first;
            counts = new int[regions];
        }

        @Override
        public void get(long hpa) {
            int before = (int) COUNT.getAndAdd(counts, index(hpa, first), 1);
            assert before >= 0;
        }

        @Override
        public void put(long hpa) {
            int before = (int) COUNT.getAndAdd(counts, index(hpa, first), -1);
            assert before > 0;
        }

        @Override
        public void close() {}
    }

    /** A spin lock, as the kernel's is to its users. */
    private static final class SpinLock {
        private final AtomicBoolean held = new AtomicBoolean();

        void lock() {
            while (!held.compareAndSet(false, true)) {
                while (held.getOpaque()) {
                    Thread.onSpinWait();
                }
            }
        }

        void unlock() {
            held.setRelease(false);
        }
    }

    /**
     * What was merged into Linux (linux-host 2.9.1): each get takes two pages first and one lock for all, each put takes
     * the lock.
     */
    private static final class AlwaysLock implements RegionCounts {
        private final PairBackend backend;
        private final long first;
        private final AtomicIntegerArray counts;
        private final SpinLock lock = new SpinLock();

        AlwaysLock(TdxHost host, long first, int regions) {
            backend = new PairBackend(host);
            this.first = first;
            counts = new AtomicIntegerArray(regions);
        }

        @Override
        public void get(long hpa) {
            long page0 = backend.allocPage();
            long page1 = backend.allocPage();
            int region = index(hpa, first);
            lock.lock();
            boolean needed = counts.get(region) == 0;
            if (needed) {
                backend.add(regionHpa(hpa), page0, page1);
            }
            counts.incrementAndGet(region);
            lock.unlock();
            if (!needed) {
                backend.freePage(page0);
                backend.freePage(page1);
            }
        }

        @Override
        public void put(long hpa) {
            int region = index(hpa, first);
            SeamcallRegisters pair = null;
            lock.lock();
            if (counts.get(region) == 1) {
                pair = backend.remove(regionHpa(hpa));
            }
            counts.decrementAndGet(region);
            lock.unlock();
            if (pair != null) {
                backend.freePage(pair.rdx);
                backend.freePage(pair.r8);
            }
        }

        @Override
        public void close() {}
    }

    /** The optimised version that was left out (linux-host 2.9): increment if not zero; decrement, and lock for the last. */
    private static final class DecAndLock implements RegionCounts {
        private final PairBackend backend;
        private final long first;
        private final AtomicIntegerArray counts;
        private final SpinLock lock = new SpinLock();

        DecAndLock(TdxHost host, long first, int regions) {
            backend = new PairBackend(host);
            this.first = first;
            counts = new AtomicIntegerArray(regions);
        }

        @Override
        public void get(long hpa) {
            int region = index(hpa, first);
            if (incrementUnlessZero(region)) {
                return;
            }
            long page0 = backend.allocPage();
            long page1 = backend.allocPage();
            lock.lock();
            boolean needed = !incrementUnlessZero(region);
            if (needed) {
                backend.add(regionHpa(hpa), page0, page1);
                counts.set(region, 1);
            }
            lock.unlock();
            if (!needed) {
                backend.freePage(page0);
                backend.freePage(page1);
            }
        }

        @Override
        public void put(long hpa) {
            int region = index(hpa, first);
            for (int seen = counts.get(region); seen != 1; seen = counts.get(region)) {
                if (counts.compareAndSet(region, seen, seen - 1)) {
                    return;
                }
            }
            SeamcallRegisters pair = null;
            lock.lock();
            if (counts.decrementAndGet(region) == 0) {
                pair = backend.remove(regionHpa(hpa));
            }
            lock.unlock();
            if (pair != null) {
                backend.freePage(pair.rdx);
                backend.freePage(pair.r8);
            }
        }

        private boolean incrementUnlessZero(int region) {
            for (int seen = counts.get(region); seen != 0; seen = counts.get(region)) {
                if (counts.compareAndSet(region, seen, seen + 1)) {
                    return true;
                }
            }
            return false;
        }

        @Override
        public void close() {}
    }

    /** One map operation for each get and put; the first and the last make their SEAMCALL inside it. */
    private static final class MergeInMap implements RegionCounts {
        private final PairBackend backend;
        private final ConcurrentHashMap<Long, Integer> counts = new ConcurrentHashMap<>();

        MergeInMap(TdxHost host) {
            backend = new PairBackend(host);
        }

        @Override
        public void get(long hpa) {
            counts.compute(regionHpa(hpa), (region, count) -> {
                if (count == null) {
                    backend.addFresh(region);
                    return 1;
                }
                return count + 1;
            });
        }

        @Override
        public void put(long hpa) {
            counts.merge(regionHpa(hpa), -1, (count, minusOne) -> {
                if (count == 1) {
                    backend.removeAndFree(regionHpa(hpa));
                    return null;
                }
                return count - 1;
            });
        }

        @Override
        public void close() {}
    }

    /** A map behind one monitor. */
    private static final class SynchronizedMap implements RegionCounts {
        private final PairBackend backend;
        private final Map<Long, Integer> counts = new HashMap<>();

        SynchronizedMap(TdxHost host) {
            backend = new PairBackend(host);
        }

        @Override
        public synchronized void get(long hpa) {
            Integer count = counts.get(regionHpa(hpa));
            if (count == null) {
                backend.addFresh(regionHpa(hpa));
            }
            counts.put(regionHpa(hpa), count == null ? 1 : count + 1);
        }

        @Override
        public synchronized void put(long hpa) {
            int count = counts.get(regionHpa(hpa));
            if (count == 1) {
                backend.removeAndFree(regionHpa(hpa));
                counts.remove(regionHpa(hpa));
            } else {
                counts.put(regionHpa(hpa), count - 1);
            }
        }

        @Override
        public void close() {}
    }

    /** Guava's striped locks, and a concurrent map for the counts. */
    private static final class StripedMap implements RegionCounts {
        private final PairBackend backend;
        private final Striped<Lock> locks = Striped.lock(64);
        private final ConcurrentHashMap<Long, Integer> counts = new ConcurrentHashMap<>();

        StripedMap(TdxHost host) {
            backend = new PairBackend(host);
        }

        @Override
        public void get(long hpa) {
            Long region = regionHpa(hpa);
            Lock lock = locks.get(region);
            lock.lock();
            try {
                Integer count = counts.get(region);
                if (count == null) {
                    backend.addFresh(region);
                }
                counts.put(region, count == null ? 1 : count + 1);
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void put(long hpa) {
            Long region = regionHpa(hpa);
            Lock lock = locks.get(region);
            lock.lock();
            try {
                int count = counts.get(region);
                if (count == 1) {
                    backend.removeAndFree(region);
                    counts.remove(region);
                } else {
                    counts.put(region, count - 1);
                }
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void close() {}
    }

    /** Netty's reference count. It cannot be armed again, so it stands only where no region becomes empty. */
    private static final class NettyCounts implements RegionCounts {
        private final long first;
        private final ReferenceCounted[] counts;

        NettyCounts(long first, int regions) {
            this.first = first;
            counts = new ReferenceCounted[regions];
            for (int i = 0; i < regions; i++) {
                counts[i] = new Count();
            }
        }

        @Override
        public void get(long hpa) {
            counts[index(hpa, first)].retain();
        }

        @Override
        public void put(long hpa) {
            counts[index(hpa, first)].release();
        }

        @Override
        public void close() {}

        private static final class Count extends AbstractReferenceCounted {
            @Override
            protected void deallocate() {}

            @Override
            public ReferenceCounted touch(Object hint) {
                return this;
            }
        }
    }
}
