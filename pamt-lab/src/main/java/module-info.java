/** The lab: experiments with the library on an emulated host, from the command line. A user of the public API. */
// HdrHistogram has no module descriptor; its jar's name is its module's.
@SuppressWarnings("requires-automatic")
module dev.pamt.lab {
    requires HdrHistogram;
    requires com.fasterxml.jackson.core;
    requires dev.pamt.api;
    requires dev.pamt.seamcall;
    requires dev.pamt.seamcall.conformance;
    requires info.picocli;
    requires java.management;

    opens dev.pamt.lab to
            info.picocli;
}
