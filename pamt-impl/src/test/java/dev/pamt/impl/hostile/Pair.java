package dev.pamt.impl.hostile;

import java.util.concurrent.atomic.AtomicBoolean;

/** Two pages that were donated together. */
record Pair(long page0Hpa, long page1Hpa, AtomicBoolean lost) {
    Pair(long page0Hpa, long page1Hpa) {
        this(page0Hpa, page1Hpa, new AtomicBoolean());
    }

    boolean names(long first, long second) {
        return page0Hpa == first && page1Hpa == second;
    }

    @Override
    public String toString() {
        return "(0x" + Long.toHexString(page0Hpa) + ", 0x" + Long.toHexString(page1Hpa) + ")";
    }
}
