package dev.pamt.seamcall.emulator.platform;

import java.util.function.BooleanSupplier;

/**
 * What the module keeps for each logical processor.
 *
 * <p>{@code initialised} goes from false to true once, by SYS.LP.INIT under the module-wide lock.
 */
public final class LogicalProcessor {
    private final int index;
    private final int packageIndex;
    private final BooleanSupplier interrupts;
    private volatile boolean initialised;

    /** Makes a processor on which SYS.LP.INIT was not done yet. */
    public LogicalProcessor(int index, int packageIndex, BooleanSupplier interrupts) {
        this.index = index;
        this.packageIndex = packageIndex;
        this.interrupts = interrupts;
    }

    /** The number of the processor, from 0. */
    public int index() {
        return index;
    }

    /** The package of the processor, from 0. */
    public int packageIndex() {
        return packageIndex;
    }

    /** Whether an interrupt waits for this processor. */
    public boolean interruptPending() {
        return interrupts.getAsBoolean();
    }

    /** Whether SYS.LP.INIT was done here. */
    public boolean initialised() {
        return initialised;
    }

    /** Notes that SYS.LP.INIT was done here. */
    public void setInitialised() {
        initialised = true;
    }
}
