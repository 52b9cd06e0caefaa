package dev.pamt.seamcall.emulator.sys;

import dev.pamt.seamcall.emulator.lock.SharedExclusiveLock;

/**
 * How far the module's own initialisation has come.
 *
 * <p>{@code stage} only moves forward: by SYS.INIT, SYS.CONFIG, the SYS.KEY.CONFIG of the last package and SYS.SHUTDOWN,
 * each under the exclusive lock. The dispatcher reads it without the lock.
 */
public final class SystemState {
    /** The stages, in order (sys_state of TDX module 1.5.25). */
    public enum Stage {
        /** Nothing is done. */
        INIT_PENDING,
        /** SYS.INIT is done. */
        INIT_DONE,
        /** SYS.CONFIG is done. */
        CONFIG_DONE,
        /** SYS.KEY.CONFIG is done on every package. */
        READY,
        /** SYS.SHUTDOWN is done. */
        SHUT_DOWN
    }

    private final SharedExclusiveLock lock = new SharedExclusiveLock();
    private volatile Stage stage = Stage.INIT_PENDING;

    /** Makes the state of a module that was just loaded. */
    public SystemState() {}

    /** The module-wide lock. */
    public SharedExclusiveLock lock() {
        return lock;
    }

    /** How far initialisation has come. */
    public Stage stage() {
        return stage;
    }

    /** Whether all leaves are open. */
    public boolean ready() {
        return stage == Stage.READY;
    }

    /** Whether all leaves but one are closed. */
    public boolean shutDown() {
        return stage == Stage.SHUT_DOWN;
    }

    void advanceTo(Stage next) {
        stage = next;
    }
}
