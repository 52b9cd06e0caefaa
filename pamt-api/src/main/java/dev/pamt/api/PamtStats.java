package dev.pamt.api;

/**
 * What a manager has done so far, in groups. Gets and puts of a backed region are not counted: they cost nothing extra.
 *
 * <p>Immutable and thread-safe. The numbers are read one after another; they fit together exactly when no thread is inside a
 * call. Two snapshots with the same numbers are equal.
 *
 * <p>For use, not for implementation: a later version may add a number.
 */
public interface PamtStats {
    /** Bytes of a page pair. */
    long PAIR_BYTES = 2 * PageAllocator.PAGE_BYTES;

    /**
     * The SEAMCALLs of transitions.
     *
     * @return the group
     */
    Calls calls();

    /**
     * The locks of transitions.
     *
     * @return the group
     */
    Locks locks();

    /**
     * Where page pairs are.
     *
     * @return the group
     */
    Pairs pairs();

    /**
     * What the manager has from the host's allocator.
     *
     * @return the group
     */
    Pages pages();

    /** The SEAMCALLs of transitions. */
    interface Calls {
        /**
         * Counts TDH.PHYMEM.PAMT.ADD that succeeded.
         *
         * @return how many
         */
        long adds();

        /**
         * Counts ADDs that failed for good.
         *
         * @return how many
         */
        long addFailures();

        /**
         * Counts TDH.PHYMEM.PAMT.REMOVE that succeeded; not those that settled a region of which no pair was known.
         *
         * @return how many
         */
        long removes();

        /**
         * Counts REMOVEs that failed; the region stays idle and is tried again.
         *
         * @return how many
         */
        long removeFailures();

        /**
         * Counts splits of 2M pages that succeeded; each installs a pair.
         *
         * @return how many
         */
        long demotes();

        /**
         * Counts merges to 2M pages that succeeded; each gives a pair back.
         *
         * @return how many
         */
        long promotes();

        /**
         * Counts gets that had a pair ready and found the region backed by another thread.
         *
         * @return how many
         */
        long lostRaces();

        /**
         * Counts SEAMCALLs of a transition that answered TDX_OPERAND_BUSY at the first try.
         *
         * @return how many
         */
        long busy();

        /**
         * Counts those of {@link #busy} that were busy even at the exclusive try.
         *
         * @return how many
         */
        long busyAgain();

        /**
         * Counts regions that wait for another REMOVE: the last one failed, or the state of the region is unknown.
         *
         * @return how many
         */
        long retryRegions();
    }

    /** The locks of transitions. */
    interface Locks {
        /**
         * Counts locks that were taken.
         *
         * @return how many
         */
        long acquisitions();

        /**
         * Counts locks that were held by a transition of the same region.
         *
         * @return how many
         */
        long contendedTrue();

        /**
         * Counts locks that were held by a transition of another region.
         *
         * @return how many
         */
        long contendedFalse();

        /**
         * Counts locks that had to be waited for.
         *
         * @return the true and the false ones together
         */
        default long contended() {
            return contendedTrue() + contendedFalse();
        }

        /**
         * Sums up how long threads waited for locks.
         *
         * @return nanoseconds
         */
        long waitNanos();

        /**
         * Sums up how long transitions held their locks, SEAMCALLs included; see {@link PamtManager.Builder#timeTransitions}.
         *
         * @return nanoseconds; 0 if transitions are not timed
         */
        long holdNanos();

        /**
         * Sums up the processor time of transitions from the first lock to the last unlock; see {@link
         * PamtManager.Builder#timeTransitions}.
         *
         * @return nanoseconds; 0 if transitions are not timed, or the JVM does not measure it for the threads that made them
         */
        long cpuNanos();
    }

    /** Where page pairs are. */
    interface Pairs {
        /**
         * Counts pairs that are installed in the module now.
         *
         * @return how many
         */
        long installed();

        /**
         * Returns the most pairs that were installed at one time.
         *
         * @return how many
         */
        long peak();

        /**
         * Counts pairs that lie ready outside the module: in chunks, not in caches.
         *
         * @return how many
         */
        long spare();

        /**
         * Counts pairs in caches and reservations.
         *
         * @return how many
         */
        long cached();

        /**
         * Counts pairs that the module has refused to take; they are tried again after {@link PamtManager#trim}.
         *
         * @return how many
         */
        long setAside();

        /**
         * Counts pairs that no one can be given again: a SEAMCALL with them got no answer, the module gave other pages back than
         * the region held or said that it held none, or a page could not be scrubbed.
         *
         * @return how many
         */
        long lost();

        /**
         * Returns the memory that is installed as page pairs now.
         *
         * @return bytes
         */
        default long installedBytes() {
            return installed() * PAIR_BYTES;
        }

        /**
         * Returns the most memory that was installed as page pairs at one time.
         *
         * @return bytes
         */
        default long peakBytes() {
            return peak() * PAIR_BYTES;
        }
    }

    /** What the manager has from the host's allocator. */
    interface Pages {
        /**
         * Counts 2M chunks that pairs are cut from.
         *
         * @return how many
         */
        long donorChunks();

        /**
         * Counts pages that allocPage has given out and freePage has not taken back.
         *
         * @return how many
         */
        long allocated();

        /**
         * Counts 4K pages that belong to the host and are not back with its allocator: its freePage or freeChunk failed, or they
         * could not be scrubbed. Pages of lost pairs are not counted here.
         *
         * @return how many
         */
        long stranded();
    }
}
