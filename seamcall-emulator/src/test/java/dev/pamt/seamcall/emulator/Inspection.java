package dev.pamt.seamcall.emulator;

import dev.pamt.seamcall.emulator.dispatch.ModuleCore;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Schedule;
import java.util.function.LongSupplier;

/** Lets tests of other packages look inside a machine. */
@SuppressWarnings("exports") // in a module for tests alone
public final class Inspection {
    private Inspection() {}

    /** Switches a machine on whose calls a test can stop half-way and whose clock it can set. */
    public static TdxModuleEmulator open(EmulatorConfig config, Schedule schedule, LongSupplier nanoClock) {
        return TdxModuleEmulator.open(config, schedule, nanoClock);
    }

    /** What the module keeps for a processor. */
    public static LogicalProcessor processor(TdxModuleEmulator machine, int index) {
        return machine.logicalProcessor(index);
    }

    /** The parts of the module of a machine. */
    public static ModuleCore module(TdxModuleEmulator machine) {
        return machine.module();
    }
}
