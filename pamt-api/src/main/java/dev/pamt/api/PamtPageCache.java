package dev.pamt.api;

/**
 * Page pairs in hand, for a context that must not allocate: topped up outside, consumed inside.
 *
 * <p>This is the per-vCPU flavour, and what a reservation from a {@link VmPageCache} is. A get that finds its region
 * backed, or loses the race for it, leaves the cache as full as it was.
 *
 * <p><b>Thread-safety:</b> one owner; calls of different threads must not overlap, and one must happen before the other
 * (a vCPU that migrates between threads is fine, two vCPUs are not). <b>Progress:</b> {@link #topUp} may block in the
 * host's allocator; the others do not block. The manager's close ends every cache, at any time and from any thread.
 */
public interface PamtPageCache extends AutoCloseable {
    /**
     * Pairs that one fault needs at most: 4 Secure EPT pages and the guest page, each in a region of its own (5-level
     * Secure EPT without its root).
     */
    int FAULT_PAIRS = 5;

    /**
     * Pairs that splitting a 2M page needs at most: one for the new Secure EPT page, one for the split region.
     */
    int SPLIT_PAIRS = 2;

    /**
     * Fills the cache until it holds a number of pairs; does nothing if it does already.
     *
     * @param pairs how many pairs are to be in hand
     * @throws OutOfPagesException if the host has no more; what was filled so far stays for the next time
     * @throws ManagerClosedException if the manager is closed
     */
    void topUp(int pairs);

    /**
     * The pairs in hand.
     *
     * @return how many
     */
    int pairs();

    /** Gives all pairs back to where they came from. Calling it again does nothing. */
    @Override
    void close();
}
