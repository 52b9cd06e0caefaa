package dev.pamt.api;

import dev.pamt.api.spi.PamtProvider;

/**
 * When a region that lost its last user gives its page pair back.
 *
 * <p>The manager keeps the regions that lost their last user in the order in which they came. At each last put, and at each
 * {@link PamtManager#reclaimIdle}, it asks the policy whether the first of them loses its pair, as long as the answer is yes. A
 * region that has got users meanwhile loses nothing. So a policy can go by number, by age, or by what a host knows of its free
 * memory:
 *
 * <pre>{@code
 * record YoungerThan(Duration age) implements ReclaimPolicy {
 *     public String name() {
 *         return "youngerThan";
 *     }
 *
 *     public int idleRegions() {
 *         return 10_000;
 *     }
 *
 *     public boolean takesBackFirst(IdleRegions idle) {
 *         return idle.firstIdleNanos() > age.toNanos();
 *     }
 * }
 * }</pre>
 *
 * <p>Rules for a policy. Each has tests of its name in {@code ReclaimPolicyContractTest} of the module {@code pamt-tck}, which a user
 * extends with one method:
 *
 * <ul>
 *   <li><b>RP-1</b> A policy has a name that is not blank, the same each time.
 *   <li><b>RP-2</b> {@link #idleRegions} is 0 to {@link #MAX_IDLE_REGIONS}, the same each time.
 *   <li><b>RP-3</b> {@link #takesBackFirst} answers without an exception, whatever the count and the age; both may change between
 *       two looks.
 *   <li><b>RP-4</b> An answer does not block, and does not wait for a thread that is inside another question.
 *   <li><b>RP-5</b> Any number of threads can ask at once.
 * </ul>
 *
 * <p><b>Thread-safety:</b> a policy can be given to any number of managers, and is asked by any number of threads at once, with
 * no lock held. <b>Progress:</b> the answer is part of a put, so it does not block. <b>Errors:</b> an exception is logged and
 * taken for no.
 */
public interface ReclaimPolicy {
    /** The most regions that a manager keeps idle. */
    int MAX_IDLE_REGIONS = 1 << 20;

    /**
     * The name of the policy, as reports show it.
     *
     * @return a short name
     */
    String name();

    /**
     * How many regions may keep their pair without having a user. Beyond that the first loses its pair without a question.
     *
     * @return 0, for a REMOVE at the last put, to {@link #MAX_IDLE_REGIONS}; always the same
     */
    int idleRegions();

    /**
     * Whether the region that has waited longest loses its pair now.
     *
     * @param idle the regions that wait, which other threads may change meanwhile
     * @return true if it does; the question comes again for the next one
     */
    boolean takesBackFirst(IdleRegions idle);

    /**
     * REMOVE at the last put: no unused pair is kept, and zero TDs means zero pairs.
     *
     * @return the policy
     */
    static ReclaimPolicy eager() {
        return new KeepIdle(0);
    }

    /**
     * Keeps some regions idle, so that a guest which converts one page back and forth costs no SEAMCALL. When one more
     * becomes idle, the one that has waited longest loses its pair: at rest no more than that many are idle, and at any
     * moment one more for each thread inside a put. Regions whose REMOVE has failed are not counted. {@link PamtManager#trim}
     * empties them all; mapping a region as 2M empties that region.
     *
     * @param regions how many regions at most, 1 to 1,048,576; each holds 8 KiB of page pair
     * @return the policy
     * @throws IllegalArgumentException if the number is out of range
     */
    static ReclaimPolicy keepIdle(int regions) {
        if (regions == 0) {
            throw new IllegalArgumentException("keepIdle keeps at least 1 region; for none use eager()");
        }
        return new KeepIdle(regions);
    }

    /**
     * Finds a policy by its name, for command lines: {@code eager}, {@code keepIdle:N}, or one that a {@link
     * dev.pamt.api.spi.ReclaimPolicyFactory} makes.
     *
     * @param text a name, and after a colon what the factory wants to know
     * @return the policy
     * @throws IllegalArgumentException if there is no such policy, with the names of those that there are
     */
    static ReclaimPolicy named(String text) {
        return PamtProvider.load().reclaimPolicy(text);
    }

    /** The regions without users that keep their pair, as far as they wait for the policy. */
    interface IdleRegions {
        /**
         * Counts the regions.
         *
         * @return how many
         */
        int count();

        /**
         * Returns how long ago the first of them was put into the queue. Users that have come and gone since do not change
         * that.
         *
         * @return nanoseconds; 0 if another thread has taken it meanwhile
         */
        long firstIdleNanos();
    }
}
