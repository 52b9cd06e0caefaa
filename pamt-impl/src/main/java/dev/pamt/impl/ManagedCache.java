package dev.pamt.impl;

/** A cache that the manager closes when it is closed itself. */
interface ManagedCache {
    void close();
}
