package dev.pamt.seamcall.emulator;

import dev.pamt.seamcall.emulator.platform.RacePoint;
import java.util.function.LongSupplier;

/** Lets tests of other packages stop the calls of a machine half-way. */
@SuppressWarnings("exports") // in a module for tests alone
public final class Inspection {
    private Inspection() {}

    /** Switches a machine on whose calls a test can stop half-way and whose clock it can set. */
    public static EmulatedPlatform open(EmulatorConfig config, RacePoint.Listener racePoints, LongSupplier nanoClock) {
        return EmulatedPlatform.open(config, racePoints, nanoClock);
    }
}
