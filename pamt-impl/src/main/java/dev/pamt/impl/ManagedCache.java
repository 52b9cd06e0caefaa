package dev.pamt.impl;

/** A cache that is closed with its manager, by any thread. */
interface ManagedCache {
    /** Gives all pairs back, and every pair that comes later. Never throws. */
    void close();
}
