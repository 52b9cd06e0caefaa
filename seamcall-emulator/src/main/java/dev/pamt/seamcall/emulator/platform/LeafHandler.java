package dev.pamt.seamcall.emulator.platform;

import dev.pamt.seamcall.SeamcallRegisters;

/** Carries out one leaf. */
@FunctionalInterface
public interface LeafHandler {
    /** Runs on a processor, changes the registers that the leaf writes, and returns the status. */
    long run(LogicalProcessor lp, int version, SeamcallRegisters regs);
}
