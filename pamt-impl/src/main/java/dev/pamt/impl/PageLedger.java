package dev.pamt.impl;

import dev.pamt.api.PageAllocator;
import dev.pamt.impl.host.GigabyteDirectory;
import dev.pamt.seamcall.PhysicalRange;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;

/**
 * Which 4K pages the manager has from the host's allocator, and for whom: two bits for each page, 64 KiB for each gigabyte
 * in which the allocator has given a page. Pages of donor chunks are not entered.
 *
 * <p>The bits decide who owns a page. Of two threads that free the same page, the first clears the bit and the second is
 * refused before it has dropped a reference that is not its own; of two threads that are given the same page by a broken
 * allocator, the second is refused. Wait-free.
 */
final class PageLedger {
    /** Who has a page. */
    enum Holder {
        /** A caller of allocPage. */
        CALLER(0b01),
        /** A page pair. */
        PAIR(0b10);

        private final long bit;

        Holder(long bit) {
            this.bit = bit;
        }
    }

    private static final VarHandle BITS = MethodHandles.arrayElementVarHandle(long[].class);
    private static final int WORDS_PER_GIGABYTE = 1 << 13;
    private static final int WORDS_PER_REGION = WORDS_PER_GIGABYTE / RegionTable.REGIONS_PER_GIGABYTE;
    private static final int PAGE_SHIFT = 12;
    private static final int WORD_SHIFT = PAGE_SHIFT + 5;
    private static final long BOTH = 0b11;

    private final GigabyteDirectory<long[]> directory;

    PageLedger(List<PhysicalRange> ram) {
        directory = new GigabyteDirectory<>(ram);
    }

    /** Makes the place for a page of RAM, so that entering it cannot fail. */
    void prepare(long hpa) {
        if (directory.get(hpa) == null) {
            directory.put(hpa, new long[WORDS_PER_GIGABYTE]);
        }
    }

    /** Enters a page of a prepared gigabyte; false if the manager has it already. */
    boolean enter(long hpa, Holder holder) {
        long[] bits = directory.get(hpa);
        int shift = shiftOf(hpa);
        long before = (long) BITS.getAndBitwiseOr(bits, wordOf(hpa), holder.bit << shift) >>> shift & BOTH;
        if (before != 0 && before != holder.bit) {
            // The other holder's page; only this thread has set this holder's bit beside it.
            BITS.getAndBitwiseAnd(bits, wordOf(hpa), ~(holder.bit << shift));
        }
        return before == 0;
    }

    /** Strikes a page out; false if that holder does not have it. */
    boolean strikeOut(long hpa, Holder holder) {
        long[] bits = directory.get(hpa);
        if (bits == null) {
            return false;
        }
        long bit = holder.bit << shiftOf(hpa);
        return ((long) BITS.getAndBitwiseAnd(bits, wordOf(hpa), ~bit) & bit) != 0;
    }

    /** Whether the manager has a page of a region. */
    boolean hasAnyOf(long regionHpa) {
        long[] bits = directory.get(regionHpa);
        boolean any = false;
        for (int i = 0; bits != null && i < WORDS_PER_REGION && !any; i++) {
            any = (long) BITS.getVolatile(bits, wordOf(regionHpa) + i) != 0;
        }
        return any;
    }

    /** The 2M regions, by address, in which pages are entered. */
    List<Long> regions() {
        List<Long> regions = new ArrayList<>();
        directory.forEach((bits, gigabyteHpa) -> {
            for (int region = 0; region < RegionTable.REGIONS_PER_GIGABYTE; region++) {
                long hpa = gigabyteHpa + region * PageAllocator.CHUNK_BYTES;
                if (hasAnyOf(hpa)) {
                    regions.add(hpa);
                }
            }
        });
        return regions;
    }

    private static int wordOf(long hpa) {
        return (int) (hpa >>> WORD_SHIFT) & (WORDS_PER_GIGABYTE - 1);
    }

    private static int shiftOf(long hpa) {
        return 2 * ((int) (hpa >>> PAGE_SHIFT) & (Long.SIZE / 2 - 1));
    }
}
