package dev.pamt.lab.measure;

import dev.pamt.api.PamtStats;
import java.util.EnumMap;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * How the pages of a process use 2M regions, and so how many page pairs they need: one for each region that holds a 4K page.
 *
 * <p>Immutable and thread-safe.
 */
public final class RegionUse {
    private final Map<Backing, Long> pages;
    private final long[] regionsByPages;
    private final long scatteredRegions;

    private RegionUse(Map<Backing, Long> pages, long[] regionsByPages, long scatteredRegions) {
        this.pages = pages;
        this.regionsByPages = regionsByPages;
        this.scatteredRegions = scatteredRegions;
    }

    static RegionUse of(RunList runs, RegionMap regions) {
        Map<Backing, Long> pages = new EnumMap<>(Backing.class);
        for (int run = 0; run < runs.size(); run++) {
            pages.merge(runs.backing(run), runs.pages(run), Long::sum);
        }
        return new RegionUse(pages, regions.regionsByPages(), regions.regionsWithScatteredPages());
    }

    /**
     * Counts the pages of a backing.
     *
     * @param backing the backing
     * @return 4K pages
     */
    public long pages(Backing backing) {
        return pages.getOrDefault(backing, 0L);
    }

    /**
     * Counts the pages that are not part of a huge page.
     *
     * @return 4K pages
     */
    public long smallPages() {
        return pages(Backing.SMALL) + pages(Backing.SMALL_WHOLE);
    }

    /**
     * Counts all pages.
     *
     * @return 4K pages
     */
    public long totalPages() {
        return pages.values().stream().mapToLong(Long::longValue).sum();
    }

    /**
     * Counts the regions that hold 4K pages; each needs a page pair.
     *
     * @return regions
     */
    public long pairs() {
        return LongStream.of(regionsByPages).sum();
    }

    /**
     * The page pairs if the 4K pages lay in as few regions as possible.
     *
     * @return pairs
     */
    public long fewestPairs() {
        return regionsFor(smallPages());
    }

    /**
     * The page pairs if each 2M block of addresses that is present as a whole were a huge page, and the other pages stayed where
     * they are.
     *
     * @return pairs
     */
    public long pairsWithHugePages() {
        return scatteredRegions;
    }

    /**
     * The page pairs if each whole 2M block were a huge page, and the other pages lay in as few regions as possible.
     *
     * @return pairs
     */
    public long fewestPairsWithHugePages() {
        return regionsFor(pages(Backing.SMALL));
    }

    /**
     * Counts the regions that are huge pages or parts of them; they need no pair.
     *
     * @return regions
     */
    public long largeRegions() {
        return (totalPages() - smallPages()) / Pages.PER_REGION;
    }

    /**
     * Counts regions by how full they are.
     *
     * @param from the fewest 4K pages, at least 1
     * @param to the most 4K pages, at most 512
     * @return the regions that hold that many 4K pages
     */
    public long regionsWith(int from, int to) {
        long sum = 0;
        for (int count = from; count <= to; count++) {
            sum += regionsByPages[count];
        }
        return sum;
    }

    /**
     * Counts the 4K pages in regions by how full they are.
     *
     * @param from the fewest 4K pages, at least 1
     * @param to the most 4K pages, at most 512
     * @return the pages in the regions that hold that many 4K pages
     */
    public long pagesInRegionsWith(int from, int to) {
        long sum = 0;
        for (int count = from; count <= to; count++) {
            sum += count * regionsByPages[count];
        }
        return sum;
    }

    /**
     * The memory of page pairs.
     *
     * @param pairs how many
     * @return bytes
     */
    public static long pairBytes(long pairs) {
        return pairs * PamtStats.PAIR_BYTES;
    }

    private static long regionsFor(long pages) {
        return (pages + Pages.PER_REGION - 1) / Pages.PER_REGION;
    }
}
