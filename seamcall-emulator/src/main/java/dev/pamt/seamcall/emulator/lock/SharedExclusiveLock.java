package dev.pamt.seamcall.emulator.lock;

import dev.pamt.seamcall.emulator.platform.ModuleFatal;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The module's plain shared/exclusive lock: bit 0 the exclusive holder, bits 15:1 the sharers.
 *
 * <p>One attempt, never waits. A shared attempt that fails leaves its count behind; the exclusive release, which stores
 * zero, takes it away. Guards the module's state, the key ownership table and the TLB epoch of a TD.
 *
 * <p>Source: TDX module 1.5.25, tdx_locks.h (sharex); the numbers are its fatal error ids.
 */
public final class SharedExclusiveLock {
    private static final int EXCLUSIVE = 1;
    private static final int SHARER = 2;
    private static final int WORD = 0xFFFF;

    private final AtomicInteger word = new AtomicInteger();

    /** Makes a lock that is free. */
    public SharedExclusiveLock() {}

    /** Tries to become a sharer. */
    public boolean acquireShared() {
        return (word.getAndAdd(SHARER) & EXCLUSIVE) == 0;
    }

    /** Tries to become the exclusive holder. */
    public boolean acquireExclusive() {
        return word.compareAndSet(0, EXCLUSIVE);
    }

    /** Ends a share. */
    public void releaseShared() {
        int before = word.getAndAdd(-SHARER);
        ModuleFatal.unless((before & EXCLUSIVE) == 0 && (before & WORD) >= SHARER, 191);
    }

    /** Ends the exclusive hold. */
    public void releaseExclusive() {
        ModuleFatal.unless((word.getAndSet(0) & EXCLUSIVE) != 0, 192);
    }

    /** The lock word as the module stores it. */
    public int raw() {
        return word.get() & WORD;
    }

    /** Puts the lock into a state that another processor would have left. */
    public void setRaw(int raw) {
        word.set(raw & WORD);
    }
}
