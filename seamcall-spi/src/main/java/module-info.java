/**
 * The SEAMCALL boundary: one call, the leaf numbers, the status words and typed wrappers for the leaves.
 *
 * <p>Backends are found by {@link java.util.ServiceLoader}: a module that has one says
 * {@code provides dev.pamt.seamcall.SeamcallProviderFactory with ...}.
 */
module dev.pamt.seamcall {
    // For FlightRecording alone.
    requires static jdk.jfr;

    exports dev.pamt.seamcall;
    exports dev.pamt.seamcall.decorator;
    exports dev.pamt.seamcall.harness;

    uses dev.pamt.seamcall.SeamcallProviderFactory;
}
