/** A lock strategy of one's own: a fair semaphore for each gigabyte. */
module com.example.lockstrategy {
    requires transitive dev.pamt.api;

    exports com.example.lockstrategy;
}
