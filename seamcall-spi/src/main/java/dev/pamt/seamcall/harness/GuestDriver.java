package dev.pamt.seamcall.harness;

import dev.pamt.seamcall.AccessKind;
import dev.pamt.seamcall.SeamcallRegisters;

/**
 * Acts as the guests of a module, one step at a time: a harness enters a vCPU and then says what it does.
 *
 * <p>Where a guest's program runs inside VP.ENTER, a recording has the entry, the guest's steps and the exit in separate
 * lines, with calls of other processors between them. Hence a VP.ENTER that stops at the guest's first instruction.
 *
 * <p><b>Thread-safety:</b> any thread, one at a time for each processor. <b>Progress:</b> never waits.
 *
 * <p>Every method but {@link #enter} throws {@link IllegalStateException} if no vCPU is inside on the processor.
 */
public interface GuestDriver {
    /** The status that {@link #enter} gives if the guest runs; the module has no such status. */
    long ENTERED = -2;

    /** What became of a step. */
    enum StepOutcome {
        /** It is done. */
        DONE,
        /** It raised an exception in the guest. */
        EXCEPTION,
        /** An interrupt is pending: the same instruction will go on later. */
        INTERRUPTED,
        /** It left the TD. */
        EXIT
    }

    /**
     * A step of a guest.
     *
     * @param outcome what became of it
     * @param value RAX of the guest if it is done, the vector if it raised an exception, RAX of VP.ENTER if it left the TD,
     *     else 0
     */
    record StepResult(StepOutcome outcome, long value) {}

    /**
     * VP.ENTER up to the guest's first instruction. The registers stay with the backend until the guest has left, and are
     * those of VP.ENTER then.
     *
     * @param processor the logical processor, from 0
     * @param regs the registers of VP.ENTER
     * @return {@link #ENTERED}, or the status with which VP.ENTER has come back
     */
    long enter(int processor, SeamcallRegisters regs);

    /**
     * RAX of the guest.
     *
     * @param processor the logical processor, from 0
     * @return its value
     */
    long rax(int processor);

    /**
     * Sets RAX of the guest.
     *
     * @param processor the logical processor, from 0
     * @param value its value
     */
    void setRax(int processor, long value);

    /**
     * Switches the guest to 64-bit mode, in which alone it can make TDCALLs.
     *
     * @param processor the logical processor, from 0
     */
    void enterLongMode(int processor);

    /**
     * Goes on to another instruction, so that the next step is not the last one again.
     *
     * @param processor the logical processor, from 0
     */
    void advance(int processor);

    /**
     * Makes a TDCALL.
     *
     * @param processor the logical processor, from 0
     * @param rax the leaf word
     * @param guestRegs inputs on entry, outputs on return
     * @return what became of it
     */
    StepResult tdcall(int processor, long rax, SeamcallRegisters guestRegs);

    /**
     * Accesses memory.
     *
     * @param processor the logical processor, from 0
     * @param gpa the guest address
     * @param kind how
     * @return what became of it
     */
    StepResult access(int processor, long gpa, AccessKind kind);

    /**
     * Takes an external interrupt.
     *
     * @param processor the logical processor, from 0
     * @return what became of it: an exit
     */
    StepResult interrupt(int processor);
}
