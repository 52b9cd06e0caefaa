package dev.pamt.impl;

/** The words of regions in one array, and what a get and a put do to them: for benchmarks of the protocol without the way to the word. */
public final class BareWords {
    private final int[] words;
    /** Regions that a put has left without a user; what a manager does then is not measured. */
    private int emptied;

    /** Makes the words of that many regions, all backed and without users. */
    public BareWords(int regions) {
        words = new int[regions];
    }

    /** Adds a user. */
    public void get(int region) {
        if (!RegionWord.admits(RegionTable.faa(words, region, RegionWord.USER))) {
            throw new IllegalStateException("region " + region + " admits no user");
        }
    }

    /** Takes a user away. */
    public void put(int region) {
        int before = Region.dropUser(words, region);
        if (!RegionWord.covers(before, 1)) {
            throw new IllegalStateException("region " + region + " has no user");
        }
        if (RegionWord.users(before) == 1) {
            emptied++;
        }
    }
}
