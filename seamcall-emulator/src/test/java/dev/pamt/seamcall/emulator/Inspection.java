package dev.pamt.seamcall.emulator;

import dev.pamt.seamcall.emulator.dispatch.ModuleCore;

/** Lets tests of other packages look inside a machine. */
@SuppressWarnings("exports") // in a module for tests alone
public final class Inspection {
    private Inspection() {}

    /** The parts of the module of a machine. */
    public static ModuleCore module(TdxModuleEmulator machine) {
        return machine.module();
    }
}
