package dev.pamt.api;

/**
 * Page pairs of a VM, for work that is done outside any vCPU: splits for hole punching, conversions, memory failure.
 *
 * <p>Several threads may split at once, and none may eat what another has topped up. So no caller consumes from this cache
 * itself: a splitter first {@linkplain #reserve reserves} what it will need at most, outside its locks, and then draws
 * from the reservation, which is its own.
 *
 * <p><b>Thread-safety:</b> any number of threads at once; a reservation has one owner. <b>Progress:</b> {@link #topUp}
 * and {@link #reserve} may block in the host's allocator, or while another thread fetches a 2M chunk from it.
 */
public interface VmPageCache extends AutoCloseable {
    /**
     * Fills the cache until a number of pairs lies in it that are not reserved.
     *
     * @param pairs how many pairs are to be free for reservations
     * @throws OutOfPagesException if the host has no more; what was filled so far stays
     * @throws ManagerClosedException if the manager or this cache is closed
     */
    void topUp(int pairs);

    /**
     * Sets pairs aside for one splitter, from the cache and for the rest from the host.
     *
     * @param pairs how many pairs the splitter needs at most
     * @return the reservation, with exactly that many pairs; closing it gives unused ones back to this cache
     * @throws OutOfPagesException if the host has not that many; nothing is set aside then
     * @throws ManagerClosedException if the manager or this cache is closed
     */
    PamtPageCache reserve(int pairs);

    /**
     * The pairs that are not reserved.
     *
     * @return how many, exact when no other thread is inside a call
     */
    int unreserved();

    /**
     * Gives all pairs that are not reserved back to the manager. Reservations that are still open stay valid and give
     * their pairs back to the manager when they are closed. Calling it again does nothing.
     */
    @Override
    void close();
}
