package dev.pamt.impl.hostile;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.ReclaimPolicy;
import java.util.SplittableRandom;

/**
 * How a world misbehaves: each rate is "one in so many calls", 0 for never.
 *
 * @param threads how many threads work
 * @param operations how many operations each of them makes
 * @param chunks whether the allocator gives chunks
 * @param addLies an ADD or DEMOTE answers something else than it did
 * @param removeLies a REMOVE or PROMOTE answers something else than it did
 * @param unanswered a SEAMCALL ends in an exception
 * @param busy a region begins to be busy
 * @param scrubFails a page cannot be scrubbed
 * @param noMemory the allocator has nothing
 * @param allocFails the allocator throws when it is asked
 * @param freeFails the allocator throws when it is given something back
 * @param lockFails the lock strategy throws
 * @param rulesBroken the allocator gives what it may not give
 * @param reentries the allocator, or the module, calls the manager from within
 * @param interrupts a thread is interrupted
 * @param closes another thread closes the manager at times
 * @param dies the module stops answering before the end, for good
 * @param strategy the lock strategy
 * @param policy the reclaim policy
 */
record Profile(
        int threads,
        int operations,
        boolean chunks,
        int addLies,
        int removeLies,
        int unanswered,
        int busy,
        int scrubFails,
        int noMemory,
        int allocFails,
        int freeFails,
        int lockFails,
        int rulesBroken,
        int reentries,
        int interrupts,
        boolean closes,
        boolean dies,
        LockStrategy strategy,
        ReclaimPolicy policy) {
    private static final int[] RATES = {0, 0, 0, 2, 5, 20, 20, 100};

    static Profile of(SplittableRandom random, int operations) {
        int threads = 1 + random.nextInt(4);
        int idle = new int[] {0, 0, 1, 2, 4}[random.nextInt(5)];
        return new Profile(
                threads,
                Math.max(1, operations / threads),
                random.nextBoolean(),
                rate(random),
                rate(random),
                rate(random),
                rate(random),
                rate(random),
                rate(random),
                rate(random),
                rate(random),
                random.nextInt(3) == 0 ? rate(random) : 0,
                random.nextInt(3) == 0 ? rate(random) : 0,
                rate(random),
                rate(random),
                random.nextInt(4) == 0,
                random.nextInt(4) == 0,
                switch (random.nextInt(3)) {
                    case 0 -> LockStrategy.global();
                    case 1 -> LockStrategy.hashed(4);
                    default -> LockStrategy.per2M();
                },
                idle == 0 ? ReclaimPolicy.eager() : ReclaimPolicy.keepIdle(idle));
    }

    private static int rate(SplittableRandom random) {
        return RATES[random.nextInt(RATES.length)];
    }
}
