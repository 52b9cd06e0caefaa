package dev.pamt.lab.measure;

import java.util.HashMap;
import java.util.Map;

/**
 * Which 4K pages of which 2M regions are in use, and which regions are one huge page or a part of one. Each page counts once.
 *
 * <p><b>Thread-safety:</b> none.
 */
final class RegionMap {
    /** A region is a bit for each of its pages, and a word with what else is known of it. */
    private static final int WORDS = Pages.PER_REGION / Long.SIZE;

    private static final long LARGE = 1;
    private static final long SMALL = 2;

    /** It has a 4K page that is not part of a whole 2M block of addresses. */
    private static final long SCATTERED = 4;

    private final Map<Long, long[]> regions = new HashMap<>();
    private long lastRegion = -1;
    private long[] lastWords;

    /** Makes a region a huge page; false if a page of it is in use already. */
    boolean addLarge(long region) {
        long[] words = words(region);
        if (words[WORDS] != 0) {
            return false;
        }
        words[WORDS] = LARGE;
        return true;
    }

    /** Adds a 4K page; false if it is in use already. */
    boolean addSmall(long page, Backing backing) {
        long[] words = words(Pages.regionOf(page));
        int index = Pages.indexOf(page);
        long bit = 1L << index;
        if ((words[WORDS] & LARGE) != 0 || (words[index / Long.SIZE] & bit) != 0) {
            return false;
        }
        words[index / Long.SIZE] |= bit;
        words[WORDS] |= backing == Backing.SMALL ? SMALL | SCATTERED : SMALL;
        return true;
    }

    private long[] words(long region) {
        if (region != lastRegion) {
            lastWords = regions.computeIfAbsent(region, any -> new long[WORDS + 1]);
            lastRegion = region;
        }
        return lastWords;
    }

    /** Counts the regions with 4K pages by how many they have; the index is the number of pages, 0 to 512. */
    long[] regionsByPages() {
        long[] byPages = new long[Pages.PER_REGION + 1];
        for (long[] words : regions.values()) {
            if ((words[WORDS] & SMALL) != 0) {
                int pages = 0;
                for (int i = 0; i < WORDS; i++) {
                    pages += Long.bitCount(words[i]);
                }
                byPages[pages]++;
            }
        }
        return byPages;
    }

    /** Counts the regions that keep a 4K page when each whole 2M block of addresses becomes a huge page elsewhere. */
    long regionsWithScatteredPages() {
        return regions.values().stream()
                .filter(words -> (words[WORDS] & SCATTERED) != 0)
                .count();
    }
}
