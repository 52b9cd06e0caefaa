/**
 * Recordings of the real TDX module, and the replay that holds a backend to them.
 *
 * <p>Knows the SEAMCALL boundary and no backend, so that every backend, the emulator too, is tested with the same replay.
 */
module dev.pamt.seamcall.conformance {
    requires com.fasterxml.jackson.core;
    requires java.xml;
    requires transitive dev.pamt.seamcall;

    exports dev.pamt.seamcall.conformance;
}
