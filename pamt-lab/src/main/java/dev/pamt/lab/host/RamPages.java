package dev.pamt.lab.host;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.seamcall.PhysicalRange;
import java.util.List;

/**
 * Numbers for the 4K pages of a host's RAM, counted from the lowest: a page number takes 4 bytes where an address takes 8.
 *
 * <p>Immutable and thread-safe.
 */
final class RamPages {
    private final long[] bases;
    private final long[] ends;
    /** The number of the first page of each range. */
    private final long[] first;

    RamPages(MemoryMap map) {
        List<PhysicalRange> ram = map.ram();
        bases = new long[ram.size()];
        ends = new long[ram.size()];
        first = new long[ram.size()];
        long pages = 0;
        for (int i = 0; i < bases.length; i++) {
            PhysicalRange range = ram.get(i);
            // A page that RAM covers only in part has a number as well, so that no two pages share one.
            bases[i] = range.baseHpa() & -PageAllocator.PAGE_BYTES;
            ends[i] = range.endHpa();
            first[i] = pages;
            pages += (range.endHpa() - bases[i] + PageAllocator.PAGE_BYTES - 1) / PageAllocator.PAGE_BYTES;
        }
        if (pages > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "the lab counts up to 2,147,483,647 pages of RAM, 8 TiB; the memory map has " + pages);
        }
    }

    /** Returns the number of a page, from 0. */
    int number(long hpa) {
        int range = rangeOf(bases, hpa);
        if (range < 0 || hpa >= ends[range]) {
            throw new IllegalArgumentException(String.format("page 0x%x is not in the RAM of the memory map", hpa));
        }
        return (int) (first[range] + (hpa - bases[range]) / PageAllocator.PAGE_BYTES);
    }

    /** Returns the address of a page. */
    long hpa(int number) {
        int range = rangeOf(first, number);
        return bases[range] + (number - first[range]) * PageAllocator.PAGE_BYTES;
    }

    /** Returns the last range that begins at a value or below it, or -1. */
    private static int rangeOf(long[] starts, long value) {
        int low = 0;
        int high = starts.length - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            if (starts[middle] <= value) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return high;
    }
}
