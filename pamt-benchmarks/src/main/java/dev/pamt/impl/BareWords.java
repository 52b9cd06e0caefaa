package dev.pamt.impl;

/** The words of regions in a row, and the moves of a get and a put; for benchmarks of what the way to the word costs. */
public final class BareWords {
    private final int[] words;

    /** Makes words of that many regions, all of them backed and idle. */
    public BareWords(int regions) {
        words = new int[regions];
    }

    /** Adds a user. */
    public void get(int region) {
        int before = RegionTable.faa(words, region, RegionWord.USER);
        if (!RegionWord.admits(before)) {
            throw new IllegalStateException("region " + region + " has no room for a user");
        }
    }

    /** Takes a user away. */
    public void put(int region) {
        if (!RegionWord.covers(Region.dropUser(words, region), 1)) {
            throw new IllegalStateException("region " + region + " has no user");
        }
    }
}
