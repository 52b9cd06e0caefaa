package dev.pamt.benchmarks.rivals;

/** Anything that counts the users of 2M regions. Every implementation may be called by any number of threads. */
public interface RegionCounts extends AutoCloseable {
    void get(long hpa);

    void put(long hpa);

    @Override
    void close();
}
