package dev.pamt.lab.host;

import java.util.Arrays;

/** Pages that the module has, in the order in which it got them. Not thread-safe. */
final class PageList {
    private long[] pages = new long[8];
    private int size;

    void add(long hpa) {
        if (size == pages.length) {
            pages = Arrays.copyOf(pages, 2 * size);
        }
        pages[size++] = hpa;
    }

    boolean isEmpty() {
        return size == 0;
    }

    int size() {
        return size;
    }

    long first() {
        return pages[0];
    }

    /** Takes the page off that came last. */
    long removeLast() {
        return pages[--size];
    }
}
