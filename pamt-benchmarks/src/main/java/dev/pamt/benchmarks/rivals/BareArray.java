package dev.pamt.benchmarks.rivals;

/** The limit: two atomic additions to an array of ints. */
final class BareArray implements RegionCounts {
    private final Words words;

    BareArray(Words words) {
        this.words = words;
    }

    @Override
    public void get(long hpa) {
        int before = Words.faa(words.array(hpa), words.slot(hpa), 1);
        assert before >= 0;
    }

    @Override
    public void put(long hpa) {
        int before = Words.faa(words.array(hpa), words.slot(hpa), -1);
        assert before > 0;
    }

    @Override
    public void close() {}
}
