package dev.pamt.lab.host;

import dev.pamt.api.PamtException;
import dev.pamt.api.PamtManager.DemoteCall;
import dev.pamt.api.PamtManager.PromoteCall;
import dev.pamt.api.PamtPageCache;

/**
 * When a host gives the module page pairs, and when it takes them back: what the host calls at each place where KVM has a get, a put,
 * or one of the hooks that were discussed instead.
 *
 * <p>A policy says what it is asked and nothing of what the module answers: a page that is given to the module without a pair is refused
 * with TDX_MISSING_PAMT_PAGE_PAIR, and {@link #onMissingPair} is where a policy that counts on that comes in.
 *
 * <p><b>Thread-safety:</b> any number of threads at once.
 */
public interface PamtPolicy extends AutoCloseable {
    /** What a 4K page is to the module. */
    enum Use {
        /** A page of a TD's or a vCPU's own state. */
        CONTROL,
        /** A table of the Secure EPT. */
        SEPT,
        /** A page of guest memory. */
        GUEST
    }

    /**
     * The name, as on the command line.
     *
     * @return a word
     */
    String name();

    /**
     * A TD is about to be built.
     *
     * @throws PamtException if the policy wants pairs that the host does not have
     */
    default void onTdStart() {}

    /** A TD has ended, and the module has none of its pages. */
    default void onTdEnd() {}

    /**
     * Guest memory has got pages from the host; where memory may be allocated.
     *
     * @param hpa the first page
     * @param pages how many, all in one 2M region
     */
    default void onPopulate(long hpa, int pages) {}

    /**
     * Guest memory is about to give pages back to the host. Never throws.
     *
     * @param hpa the first page
     * @param pages how many, all in one 2M region
     */
    default void onDepopulate(long hpa, int pages) {}

    /**
     * Whether Secure EPT pages are backed when a vCPU tops its cache up with them, and not when they are given to the module.
     *
     * @return true if {@link #beforeMap} is called for them outside the lock of the MMU
     */
    default boolean backsSeptPagesAtTopUp() {
        return false;
    }

    /**
     * How many pairs a vCPU has to have in hand for a fault.
     *
     * @return pairs
     */
    default int pairsForFault() {
        return PamtPageCache.FAULT_PAIRS;
    }

    /**
     * A page is about to be given to the module as a 4K page.
     *
     * @param use what it is to be
     * @param hpa the page
     * @param cache where a pair comes from; null where memory may be allocated
     * @throws PamtException if its region cannot be backed; nothing has changed then
     */
    void beforeMap(Use use, long hpa, PamtPageCache cache);

    /**
     * The module has let a 4K page go, or has refused it. Never throws.
     *
     * @param use what it was
     * @param hpa the page
     * @param hint whether the module has said that it was the last one of its region
     */
    void afterUnmap(Use use, long hpa, boolean hint);

    /**
     * The module has refused a page because its region has no pair.
     *
     * @param hpa the page
     * @return whether the call is to be made again
     */
    default boolean onMissingPair(long hpa) {
        return false;
    }

    /**
     * Whether a 2M chunk of guest memory can be mapped as one page. It must not have a pair then.
     *
     * @param chunkHpa the chunk
     * @return true if {@link #beforeMap2M} has a chance
     */
    boolean mayMap2M(long chunkHpa);

    /**
     * Whether 4K pages can be merged to one 2M page, which takes their pair away.
     *
     * @return false for a policy that wants the pair to stay
     */
    default boolean mayPromote() {
        return true;
    }

    /**
     * A chunk is about to be mapped as one page.
     *
     * @param chunkHpa the chunk
     * @throws PamtException if it cannot be
     */
    void beforeMap2M(long chunkHpa);

    /**
     * The module has let a 2M page go, or has refused it. Never throws.
     *
     * @param chunkHpa the chunk
     */
    void afterUnmap2M(long chunkHpa);

    /**
     * Splits a 2M page; afterwards its 512 pages are mapped.
     *
     * @param chunkHpa the chunk
     * @param cache where the pair comes from
     * @param call makes the call
     * @return the status of the call
     */
    long demote2M(long chunkHpa, PamtPageCache cache, DemoteCall call);

    /**
     * Merges 512 pages into one; afterwards they are mapped as one page.
     *
     * @param chunkHpa the chunk
     * @param call makes the call
     * @return the status of the call
     */
    long promote2M(long chunkHpa, PromoteCall call);

    /** Takes back what the policy still holds for itself. Called when no TD is left. Never throws. */
    @Override
    default void close() {}
}
