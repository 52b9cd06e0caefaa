package dev.pamt.impl.hostile;

import java.util.SplittableRandom;

/** The dice of the thread that calls: a world with one thread runs the same way each time that it is given its seed. */
final class Chance {
    private static final ThreadLocal<SplittableRandom> MINE = ThreadLocal.withInitial(() -> new SplittableRandom(0));

    private Chance() {}

    static void seed(long seed) {
        MINE.set(new SplittableRandom(seed));
    }

    static boolean oneIn(int times) {
        return times > 0 && MINE.get().nextInt(times) == 0;
    }

    static int below(int bound) {
        return MINE.get().nextInt(bound);
    }

    static long bits() {
        return MINE.get().nextLong();
    }
}
