package dev.pamt.lab.host;

import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;

/**
 * Pairs for splits that all splitters of a TD share, as the huge page series for Linux has them (prealloc_split_cache, v3): a splitter that has
 * topped it up may find it eaten by another when it comes to use it. {@link dev.pamt.api.VmPageCache} reserves instead.
 *
 * <p><b>Thread-safety:</b> any number of threads.
 */
public final class SharedSplitCache implements AutoCloseable {
    private final PamtPageCache pairs;
    private final ReentrantLock lock = new ReentrantLock();

    /**
     * Makes an empty cache.
     *
     * @param manager the manager of the host's page pairs
     */
    public SharedSplitCache(PamtManager manager) {
        pairs = manager.newVcpuCache();
    }

    /** Fills it with the pairs of one split, if it holds fewer; where memory can be allocated. */
    void topUp() {
        lock.lock();
        try {
            pairs.topUp(PamtPageCache.SPLIT_PAIRS);
        } finally {
            lock.unlock();
        }
    }

    boolean hasEnough() {
        lock.lock();
        try {
            return pairs.pairs() >= PamtPageCache.SPLIT_PAIRS;
        } finally {
            lock.unlock();
        }
    }

    /** Lets a splitter take pairs; under the lock of the MMU, so no other splitter has taken any since it looked. */
    boolean use(Predicate<PamtPageCache> splitter) {
        lock.lock();
        try {
            return splitter.test(pairs);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        pairs.close();
    }
}
