package dev.pamt.seamcall;

/** The memory of a backend that has none. */
enum NoMemory implements PhysicalMemory {
    INSTANCE;

    @Override
    public long read64(long hpa) {
        return 0;
    }

    @Override
    public void write64(long hpa, long value) {}

    @Override
    public void clearPage(long hpa) {}
}
