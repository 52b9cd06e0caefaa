package dev.pamt.api;

import dev.pamt.api.spi.PamtProvider;

/**
 * How the transitions of regions exclude each other.
 *
 * <p>A transition (ADD, REMOVE, DEMOTE, mapping as 2M) must be alone in its region; gets and puts of a region that is
 * backed take no lock at all. A strategy says which lock guards which region. The manager does the rest: it takes the
 * target's lock, and where donated pages do not come from chunks also the locks of their regions, always in ascending
 * order of lock number and each number once, so that no strategy can deadlock; and it counts acquisitions, contended
 * ones, and of those the true (same region) and the false.
 *
 * <p>Users implement this interface, too. Rules for a strategy. Each has tests of its name in {@code LockStrategyContractTest} of
 * the module {@code pamt-tck}, which a user extends with one method:
 *
 * <ul>
 *   <li><b>LS-1</b> A strategy has a name that is not blank, the same each time.
 *   <li><b>LS-2</b> A region has the same lock at all times, whichever thread asks and whether or not the lock is held.
 *   <li><b>LS-3</b> A free lock is taken at once, by {@link RegionLocks#tryLock tryLock} and by {@link RegionLocks#lock lock},
 *       the first time and after each unlock.
 *   <li><b>LS-4</b> {@link RegionLocks#tryLock tryLock} does not wait for a thread that holds the lock.
 *   <li><b>LS-5</b> A thread that waits for a lock gets it once the lock is left, however many threads wait, platform or
 *       virtual.
 *   <li><b>LS-6</b> At most one thread holds a lock, for every lock of the address space, by tryLock or lock. It sees what
 *       the holder before it has written.
 *   <li><b>LS-7</b> Two numbers are two locks: a thread takes one while it holds others, and an unlock concerns the waiters of
 *       its own lock.
 *   <li><b>LS-8</b> An interrupt does not end the wait for a lock, and the interrupt status is after lock as it was before.
 *   <li><b>LS-9</b> The locks of two managers are apart.
 *   <li><b>LS-10</b> Of the bits of a region a strategy uses the values 0 to 3.
 * </ul>
 *
 * <p><b>Thread-safety:</b> a strategy is immutable and can be given to any number of managers; each gets locks of its
 * own.
 */
public interface LockStrategy {
    /**
     * The name of the strategy, as reports show it.
     *
     * @return a short name
     */
    String name();

    /**
     * Makes the locks of one manager.
     *
     * @param memory the host's memory, for strategies whose number of locks goes by its size
     * @param bits two spare bits in the word of each region, for strategies that keep their lock there
     * @return the locks
     */
    RegionLocks newLocks(MemoryMap memory, RegionBits bits);

    /**
     * One lock for all regions, as Linux has it: nothing ever runs at the same time.
     *
     * <p>Fairness: waiters spin briefly and then park, and are woken in the order in which they came. A running thread may
     * take the lock ahead of a parked one for at most a millisecond; after that the lock is handed over.
     *
     * @return the strategy
     */
    static LockStrategy global() {
        return PamtProvider.load().global();
    }

    /**
     * A fixed number of locks; a region's lock is chosen by a hash of its number. Fairness as in {@link #global}.
     *
     * @param locks how many locks, a power of two from 1 to 4096
     * @return the strategy
     * @throws IllegalArgumentException if the number is not a power of two in that range
     */
    static LockStrategy hashed(int locks) {
        return PamtProvider.load().hashed(locks);
    }

    /**
     * A number of locks that goes by the host's memory: one for each GiB of RAM, rounded up to a power of two, from 64 to 4096. A
     * region's lock is chosen by a hash of its number. Fairness as in {@link #global}.
     *
     * @return the strategy
     */
    static LockStrategy hashed() {
        return PamtProvider.load().hashed();
    }

    /**
     * Finds a strategy by its name, for command lines: {@code global}, {@code hashed}, {@code hashed:N}, {@code per2M}, or one
     * that a {@link dev.pamt.api.spi.LockStrategyFactory} makes. Upper and lower case are the same.
     *
     * @param text a name, and after a colon what the factory wants to know
     * @return the strategy
     * @throws IllegalArgumentException if there is no such strategy, with the names of those that there are
     */
    static LockStrategy named(String text) {
        return PamtProvider.load().lockStrategy(text);
    }

    /**
     * A lock for each region, as a bit of the region's own word: no memory is needed for it. Fairness as in {@link
     * #global}, among the waiters of one region.
     *
     * @return the strategy
     */
    static LockStrategy per2M() {
        return PamtProvider.load().per2M();
    }

    /**
     * The locks of one manager.
     *
     * <p>A <em>region</em> is a 2M region's number, its hpa divided by 2 MiB. A <em>lock</em> is a number that the
     * strategy chooses.
     *
     * <p><b>Thread-safety:</b> any number of threads at once. <b>Progress:</b> {@link #tryLock} and {@link #lockOf} do
     * not wait; {@link #lock} waits while another thread holds the lock, at most for the duration of a few SEAMCALLs (1
     * to 18 microseconds each) unless the holder is preempted, so it should spin briefly and then park. An interrupted
     * thread waits on and finds its interrupt status set afterwards.
     */
    interface RegionLocks {
        /**
         * Which lock guards a region. Always the same for the same region.
         *
         * @param region the number of a region
         * @return the number of its lock
         */
        long lockOf(long region);

        /**
         * Takes a lock if it is free.
         *
         * @param lock the number of a lock, not held by this thread
         * @return whether the lock was taken
         */
        boolean tryLock(long lock);

        /**
         * Takes a lock.
         *
         * @param lock the number of a lock, not held by this thread
         */
        void lock(long lock);

        /**
         * Lets a lock go.
         *
         * @param lock the number of a lock that this thread holds
         */
        void unlock(long lock);
    }

    /**
     * Two spare bits in the word of each region. The manager never looks at them; they begin as 0.
     *
     * <p><b>Thread-safety:</b> any number of threads at once; accesses have volatile semantics. <b>Progress:</b>
     * lock-free: a change is tried again only when the region's count has changed meanwhile.
     */
    interface RegionBits {
        /**
         * Reads the bits of a region.
         *
         * @param region the number of a region
         * @return a value from 0 to 3
         */
        int get(long region);

        /**
         * Changes the bits of a region if they are as expected.
         *
         * @param region the number of a region
         * @param expected the value that the bits must have, 0 to 3
         * @param update the value to store, 0 to 3
         * @return whether the bits were changed
         */
        boolean compareAndSet(long region, int expected, int update);
    }
}
