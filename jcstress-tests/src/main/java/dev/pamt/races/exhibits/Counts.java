package dev.pamt.races.exhibits;

import java.util.concurrent.atomic.AtomicInteger;

/** The conditional atomics of the kernel, on which the protocols are built. */
final class Counts {
    private Counts() {}

    /** atomic_inc_not_zero: says whether it has incremented. */
    static boolean incrementUnlessZero(AtomicInteger users) {
        return addUnless(users, 1, 0);
    }

    /** atomic_add_unless(-1, 1), the first half of atomic_dec_and_lock: says whether it has decremented. */
    static boolean decrementUnlessOne(AtomicInteger users) {
        return addUnless(users, -1, 1);
    }

    /** atomic_inc_unless_negative: says whether it has incremented. */
    static boolean incrementUnlessNegative(AtomicInteger users) {
        int seen = users.get();
        while (seen >= 0) {
            int witness = users.compareAndExchange(seen, seen + 1);
            if (witness == seen) {
                return true;
            }
            seen = witness;
        }
        return false;
    }

    /** atomic_dec_if_positive: says whether it has decremented. */
    static boolean decrementIfPositive(AtomicInteger users) {
        int seen = users.get();
        while (seen > 0) {
            int witness = users.compareAndExchange(seen, seen - 1);
            if (witness == seen) {
                return true;
            }
            seen = witness;
        }
        return false;
    }

    private static boolean addUnless(AtomicInteger users, int delta, int unless) {
        int seen = users.get();
        while (seen != unless) {
            int witness = users.compareAndExchange(seen, seen + delta);
            if (witness == seen) {
                return true;
            }
            seen = witness;
        }
        return false;
    }
}
