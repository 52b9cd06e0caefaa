package dev.pamt.impl;

import dev.pamt.api.PageAllocator;
import dev.pamt.seamcall.PhysicalRange;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;

/**
 * Which pages allocPage has given out: one bit for each 4K page, 32 KiB for each gigabyte that allocPage has touched.
 *
 * <p>The bit decides who frees a page: of two threads that free the same one, the first clears the bit and the second is
 * refused before it has dropped a reference that is not its own. Wait-free.
 */
final class PageLedger {
    private static final VarHandle BITS = MethodHandles.arrayElementVarHandle(long[].class);
    private static final int WORDS_PER_GIGABYTE = 1 << 12;
    private static final int PAGE_SHIFT = 12;

    private final GigabyteDirectory<long[]> directory;
    private final LongAdder allocated = new LongAdder();

    PageLedger(List<PhysicalRange> ram) {
        directory = new GigabyteDirectory<>(ram);
    }

    /** Notes that a page of RAM is given out; false if it is already. */
    boolean allocate(long hpa) {
        long[] bits = directory.get(hpa);
        if (bits == null) {
            bits = directory.put(hpa, new long[WORDS_PER_GIGABYTE]);
        }
        boolean free = ((long) BITS.getAndBitwiseOr(bits, wordOf(hpa), bitOf(hpa)) & bitOf(hpa)) == 0;
        if (free) {
            allocated.increment();
        }
        return free;
    }

    /** Notes that a page comes back; false if it is not given out. */
    boolean free(long hpa) {
        long[] bits = directory.get(hpa);
        if (bits == null) {
            return false;
        }
        boolean taken = ((long) BITS.getAndBitwiseAnd(bits, wordOf(hpa), ~bitOf(hpa)) & bitOf(hpa)) != 0;
        if (taken) {
            allocated.decrement();
        }
        return taken;
    }

    long allocatedPages() {
        return allocated.sum();
    }

    /** The 2M regions, by address, in which pages are given out. */
    List<Long> allocatedRegions() {
        List<Long> regions = new ArrayList<>();
        directory.forEach((bits, gigabyteHpa) -> {
            for (int word = 0; word < WORDS_PER_GIGABYTE; word++) {
                long hpa = (gigabyteHpa | ((long) word << (PAGE_SHIFT + 6))) & -PageAllocator.CHUNK_BYTES;
                boolean first = regions.isEmpty() || regions.get(regions.size() - 1) != hpa;
                if ((long) BITS.getVolatile(bits, word) != 0 && first) {
                    regions.add(hpa);
                }
            }
        });
        return regions;
    }

    private static int wordOf(long hpa) {
        return (int) (hpa >>> (PAGE_SHIFT + 6)) & (WORDS_PER_GIGABYTE - 1);
    }

    private static long bitOf(long hpa) {
        return 1L << (hpa >>> PAGE_SHIFT);
    }
}
