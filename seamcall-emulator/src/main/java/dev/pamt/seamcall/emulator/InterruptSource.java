package dev.pamt.seamcall.emulator;

/**
 * Says whether an interrupt waits for a logical processor. Leaves that can be interrupted ask between their steps and are
 * then answered INTERRUPTED_RESTARTABLE or INTERRUPTED_RESUMABLE.
 *
 * <p><b>Thread-safety:</b> any thread may ask at any time. An implementation should answer at once.
 */
@FunctionalInterface
public interface InterruptSource {
    /**
     * Asks for one processor.
     *
     * @param processor the logical processor, from 0
     * @return true if an interrupt is pending
     */
    boolean pending(int processor);

    /**
     * Never interrupts.
     *
     * @return a source without interrupts
     */
    static InterruptSource never() {
        return processor -> false;
    }
}
