package dev.pamt.lab.measure;

import java.util.Arrays;
import java.util.Optional;

/** How a page of a process is backed by physical memory. */
public enum Backing {
    /** A 4K page whose 2M block of addresses is not present as a whole. */
    SMALL(0, "4k", "4K"),

    /** A 4K page of a 2M block of addresses whose 512 pages are all present: a huge page could take their place. */
    SMALL_WHOLE(1, "4k-whole", "4K, in a whole 2M"),

    /** Part of a transparent huge page of 2M that is mapped as a whole. */
    THP_2M(2, "thp-2m", "THP 2M"),

    /** Part of a hugetlb page of 2M. */
    HUGETLB_2M(3, "hugetlb-2m", "hugetlb 2M"),

    /** Part of a hugetlb page of 1G. */
    HUGETLB_1G(4, "hugetlb-1g", "hugetlb 1G");

    private static final Backing[] BY_CODE = new Backing[8];

    static {
        for (Backing backing : values()) {
            BY_CODE[backing.code] = backing;
        }
    }

    private final int code;
    private final String word;
    private final String title;

    Backing(int code, String word, String title) {
        this.code = code;
        this.word = word;
        this.title = title;
    }

    /**
     * The word of placement files.
     *
     * @return a word without blanks
     */
    public String word() {
        return word;
    }

    /**
     * What tables call it.
     *
     * @return a short text
     */
    public String title() {
        return title;
    }

    /**
     * Whether the guest can have the region as one 2M page, so that it needs no page pair.
     *
     * @return true for huge pages
     */
    public boolean isLarge() {
        return this != SMALL && this != SMALL_WHOLE;
    }

    /** A number from 0 to 7 that stands for the backing where space is short. */
    int code() {
        return code;
    }

    static Backing ofCode(int code) {
        return BY_CODE[code];
    }

    /** The backing of a word of a placement file. */
    static Optional<Backing> ofWord(String word) {
        return Arrays.stream(values())
                .filter(backing -> backing.word.equals(word))
                .findFirst();
    }
}
