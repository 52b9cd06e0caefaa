package dev.pamt.impl;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.LockStrategy.RegionBits;
import dev.pamt.api.LockStrategy.RegionLocks;
import dev.pamt.api.MemoryMap;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/**
 * The locks of a strategy under Lincheck: a count that only the holder touches must come out right, and no thread must wait
 * for ever. Public because Lincheck asks for it.
 */
@Param(name = "region", gen = IntGen.class, conf = "0:1")
public final class LockModel {
    private static LockStrategy strategy;

    private final RegionLocks locks = strategy.newLocks(MemoryMap.synthetic(), new Bits());
    private final int[] entered = new int[2];

    /** Makes free locks. */
    public LockModel() {}

    static void prepare(LockStrategy next) {
        strategy = next;
    }

    /** In and out, however long it takes. */
    @Operation
    public int lock(@Param(name = "region") int region) {
        long lock = locks.lockOf(region);
        locks.lock(lock);
        try {
            return ++entered[region];
        } finally {
            locks.unlock(lock);
        }
    }

    /** Both locks, as a transition with donors takes them. */
    @Operation
    public int lockBoth() {
        long first = Math.min(locks.lockOf(0), locks.lockOf(1));
        long second = Math.max(locks.lockOf(0), locks.lockOf(1));
        locks.lock(first);
        if (second != first) {
            locks.lock(second);
        }
        int sum = ++entered[0] + ++entered[1];
        if (second != first) {
            locks.unlock(second);
        }
        locks.unlock(first);
        return sum;
    }

    private static final class Bits implements RegionBits {
        private final AtomicIntegerArray bits = new AtomicIntegerArray(2);

        @Override
        public int get(long region) {
            return bits.get((int) region);
        }

        @Override
        public boolean compareAndSet(long region, int expected, int update) {
            return bits.compareAndSet((int) region, expected, update);
        }
    }
}
