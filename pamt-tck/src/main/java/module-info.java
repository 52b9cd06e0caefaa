/**
 * The contracts of what users implement, as JUnit tests to extend: a SEAMCALL backend, a lock strategy, a page allocator, a
 * reclaim policy.
 */
module dev.pamt.tck {
    requires transitive dev.pamt.api;
    requires transitive dev.pamt.seamcall;
    requires transitive org.junit.jupiter.api;

    exports dev.pamt.tck;

    // JUnit calls the tests of a contract, which are package-private.
    opens dev.pamt.tck to
            org.junit.platform.commons;
}
