package dev.pamt.impl;

import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Validate;

/**
 * {@link StrayPutModel} with two calls only, for three threads: a get that pays for a put without a get must not take away what a
 * third thread has got. Public because Lincheck asks for it.
 */
public class StrayPutBesideGetsModel {
    private final StrayPutModel region = new StrayPutModel();

    /** Makes a region for one interleaving. */
    public StrayPutBesideGetsModel() {}

    /** get. */
    @Operation
    public String get() {
        return region.get();
    }

    /** put. */
    @Operation
    public String put() {
        return region.put();
    }

    /** What must be so when all threads have come to their ends, and when all users are put. */
    @Validate
    public void theRegionHasTheUsersThatTheAnswersLeave() {
        region.theRegionHasTheUsersThatTheAnswersLeave();
    }
}
