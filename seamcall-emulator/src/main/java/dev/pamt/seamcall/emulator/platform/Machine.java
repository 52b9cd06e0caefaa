package dev.pamt.seamcall.emulator.platform;

import dev.pamt.seamcall.emulator.memory.SparseMemory;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * The machine that a module is loaded into: what the module finds there and does not choose.
 *
 * <p>Immutable; each component says how it is shared between threads.
 *
 * @param memory the physical memory
 * @param hpas how physical addresses are made up
 * @param processors the number of logical processors
 * @param packages the number of packages
 * @param dynamicPamt whether the module can do Dynamic PAMT
 * @param entropy whether the random number generator has something to give; any thread may ask
 * @param nanoClock a clock in nanoseconds; any thread may read it
 * @param timing the time that leaves take
 * @param racePoints what is called at the places where another processor can make a difference
 */
public record Machine(
        SparseMemory memory,
        HpaRules hpas,
        int processors,
        int packages,
        boolean dynamicPamt,
        BooleanSupplier entropy,
        LongSupplier nanoClock,
        Timing timing,
        RacePoint.Listener racePoints) {}
