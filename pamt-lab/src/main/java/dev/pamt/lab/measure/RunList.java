package dev.pamt.lab.measure;

import java.util.Arrays;

/**
 * Physically consecutive 4K pages of one backing, run after run, each run one long.
 *
 * <p><b>Thread-safety:</b> none.
 */
final class RunList {
    /** A run is a page number of 40 bits, a length of 21 bits less one, and a backing of 3 bits. */
    private static final int BACKING_BITS = 3;

    private static final int LENGTH_BITS = 21;
    private static final int PAGE_SHIFT = BACKING_BITS + LENGTH_BITS;
    private static final long MOST_PAGES = 1L << LENGTH_BITS;
    private static final int FIRST_CAPACITY = 16;

    private long[] runs = new long[FIRST_CAPACITY];
    private int size;

    /** Adds pages behind those that are there; they become part of the last run if they continue it. */
    void add(long page, long pages, Backing backing) {
        long next = page;
        long left = pages;
        if (size > 0) {
            long last = runs[size - 1];
            long room = MOST_PAGES - pagesOf(last);
            if (backingOf(last) == backing && pageOf(last) + pagesOf(last) == page && room > 0) {
                long joined = Math.min(room, left);
                runs[size - 1] = pack(pageOf(last), pagesOf(last) + joined, backing);
                next += joined;
                left -= joined;
            }
        }
        while (left > 0) {
            long length = Math.min(MOST_PAGES, left);
            if (size == runs.length) {
                runs = Arrays.copyOf(runs, Math.toIntExact(2L * size));
            }
            runs[size++] = pack(next, length, backing);
            next += length;
            left -= length;
        }
    }

    int size() {
        return size;
    }

    long page(int run) {
        return pageOf(runs[run]);
    }

    long pages(int run) {
        return pagesOf(runs[run]);
    }

    long endPage(int run) {
        return page(run) + pages(run);
    }

    Backing backing(int run) {
        return backingOf(runs[run]);
    }

    private static long pack(long page, long pages, Backing backing) {
        return (page << PAGE_SHIFT) | ((pages - 1) << BACKING_BITS) | backing.code();
    }

    private static long pageOf(long run) {
        return run >>> PAGE_SHIFT;
    }

    private static long pagesOf(long run) {
        return ((run >>> BACKING_BITS) & (MOST_PAGES - 1)) + 1;
    }

    private static Backing backingOf(long run) {
        return Backing.ofCode((int) (run & ((1 << BACKING_BITS) - 1)));
    }
}
