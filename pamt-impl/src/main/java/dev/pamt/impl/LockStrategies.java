package dev.pamt.impl;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.impl.host.Hashing;
import dev.pamt.seamcall.PhysicalRange;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;

/** The built-in strategies: the same two bits in three places. */
final class LockStrategies {
    private static final int MAX_HASHED_LOCKS = 4096;

    private LockStrategies() {}

    /** One lock for all regions. */
    record Global() implements LockStrategy {
        @Override
        public String name() {
            return "global";
        }

        @Override
        public RegionLocks newLocks(MemoryMap memory, RegionBits bits) {
            return new GlobalLocks();
        }
    }

    /** A fixed number of locks. */
    record Hashed(int locks) implements LockStrategy {
        Hashed {
            if (locks < 1 || locks > MAX_HASHED_LOCKS || Integer.bitCount(locks) != 1) {
                throw new IllegalArgumentException("the number of hashed locks is a power of two from 1 to "
                        + MAX_HASHED_LOCKS + ", not " + locks);
            }
        }

        @Override
        public String name() {
            return "hashed(" + locks + ")";
        }

        @Override
        public RegionLocks newLocks(MemoryMap memory, RegionBits bits) {
            return new HashedLocks(locks);
        }
    }

    /** As many locks as the host has GiB of RAM, within bounds. */
    record HashedByMemory() implements LockStrategy {
        private static final int LEAST = 64;
        private static final int GIBIBYTE_SHIFT = 30;

        @Override
        public String name() {
            return "hashed";
        }

        @Override
        public RegionLocks newLocks(MemoryMap memory, RegionBits bits) {
            return new HashedLocks(locksFor(memory));
        }

        static int locksFor(MemoryMap memory) {
            long bytes = memory.ram().stream().mapToLong(PhysicalRange::bytes).sum();
            int locks = LEAST;
            while (locks < MAX_HASHED_LOCKS && (long) locks << GIBIBYTE_SHIFT < bytes) {
                locks *= 2;
            }
            return locks;
        }
    }

    /** A lock in each region's own word. */
    record Per2M() implements LockStrategy {
        @Override
        public String name() {
            return "per2M";
        }

        @Override
        public RegionLocks newLocks(MemoryMap memory, RegionBits bits) {
            return new Per2MLocks(bits);
        }
    }

    private static final class GlobalLocks extends BitLocks {
        private final AtomicInteger bits = new AtomicInteger();

        GlobalLocks() {
            super(1);
        }

        @Override
        public long lockOf(long region) {
            return 0;
        }

        @Override
        int bits(long lock) {
            return bits.get();
        }

        @Override
        boolean casBits(long lock, int expected, int update) {
            return bits.compareAndExchange(expected, update) == expected;
        }
    }

    private static final class HashedLocks extends BitLocks {
        /** Ints between two locks: 128 bytes, so that no two share a cache line or its prefetched neighbour. */
        private static final int STRIDE = 32;

        private static final int QUEUES = 16;

        private final int mask;
        private final AtomicIntegerArray bits;

        HashedLocks(int locks) {
            super(QUEUES);
            mask = locks - 1;
            bits = new AtomicIntegerArray((locks + 1) * STRIDE);
        }

        @Override
        public long lockOf(long region) {
            return Hashing.spread(region) & mask;
        }

        @Override
        int bits(long lock) {
            return bits.get(indexOf(lock));
        }

        @Override
        boolean casBits(long lock, int expected, int update) {
            return bits.compareAndExchange(indexOf(lock), expected, update) == expected;
        }

        /** The first lock is a stride away from the array's length, which every access reads. */
        private static int indexOf(long lock) {
            return ((int) lock + 1) * STRIDE;
        }
    }

    /** Locks that lie in the words of the regions, so that who has the word at hand need not look it up. */
    static final class Per2MLocks extends BitLocks {
        private static final int QUEUES = 64;

        private final LockStrategy.RegionBits bits;

        Per2MLocks(LockStrategy.RegionBits bits) {
            super(QUEUES);
            this.bits = bits;
        }

        @Override
        public long lockOf(long region) {
            return region;
        }

        @Override
        int bits(long lock) {
            return bits.get(lock);
        }

        @Override
        boolean casBits(long lock, int expected, int update) {
            return bits.compareAndSet(lock, expected, update);
        }
    }
}
