package dev.pamt.seamcall.emulator;

import dev.pamt.seamcall.emulator.dispatch.ModuleCore;
import dev.pamt.seamcall.emulator.platform.Schedule;

/** Lets tests of other packages look inside a machine. */
@SuppressWarnings("exports") // in a module for tests alone
public final class Inspection {
    private Inspection() {}

    /** Switches a machine on whose calls a test can stop half-way. */
    public static TdxModuleEmulator open(EmulatorConfig config, Schedule schedule) {
        return TdxModuleEmulator.open(config, schedule);
    }

    /** The parts of the module of a machine. */
    public static ModuleCore module(TdxModuleEmulator machine) {
        return machine.module();
    }
}
