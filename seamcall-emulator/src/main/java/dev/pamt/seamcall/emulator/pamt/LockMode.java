package dev.pamt.seamcall.emulator.pamt;

import dev.pamt.seamcall.emulator.lock.HostPriorityLock;

/** How a lock of a PAMT entry is held. */
public enum LockMode {
    /** Beside other sharers. */
    SHARED,
    /** Alone. */
    EXCLUSIVE;

    boolean acquire(long[] words, int index) {
        return this == SHARED
                ? HostPriorityLock.acquireShared(words, index)
                : HostPriorityLock.acquireExclusive(words, index);
    }

    void release(long[] words, int index) {
        if (this == SHARED) {
            HostPriorityLock.releaseShared(words, index);
        } else {
            HostPriorityLock.releaseExclusive(words, index);
        }
    }
}
