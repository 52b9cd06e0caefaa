package dev.pamt.benchmarks;

import java.util.Locale;

/**
 * What the protocol costs and what the way to the word costs: each rival in one array that has its regions only, and in the whole
 * address space, found by gigabyte as this library finds its words.
 */
final class LookupTable {
    private static final String BARE = "bare-atomic";

    private final String benchmark;
    private final JmhResults results;

    private LookupTable(String benchmark, JmhResults results) {
        this.benchmark = benchmark;
        this.results = results;
    }

    /** Prints the table of a benchmark, if it was run with both ways to a bare count. */
    static void print(String what, String benchmark, JmhResults results) {
        LookupTable table = new LookupTable(benchmark, results);
        if (table.of(BARE) != null && table.of("sparse-" + BARE) != null) {
            System.out.println();
            System.out.println("| warm get+put, " + what + " | one array | against bare | by gigabyte |"
                    + " against bare by gigabyte | the way costs | spread over forks |");
            System.out.println("|---|---|---|---|---|---|---|");
            table.word();
            table.rival("bare AtomicInteger", BARE, "sparse-" + BARE);
            table.rival("bare array of ints", "bare-varhandle", "sparse-bare-varhandle");
            table.rival("ours", "ours-words", "ours-per2M");
            table.rival("inc-not-zero + dec-and-lock", "v6-dec-and-lock", "sparse-v6-dec-and-lock");
            table.rival("Netty's count", "netty-refcnt", "sparse-netty-refcnt");
            table.rival("always-lock as merged", "merged-always-lock", "sparse-merged-always-lock");
        }
    }

    private Scores of(String rival) {
        return results.get(benchmark + " " + rival);
    }

    /** One AtomicInteger that no address leads to. */
    private void word() {
        Scores word = of("bare-word");
        if (word != null) {
            System.out.printf(
                    Locale.ROOT,
                    "| one AtomicInteger, no way to it | %.1f ns | %.2f x | | | | %s |%n",
                    word.median(),
                    word.median() / of(BARE).median(),
                    word.spread(1));
        }
    }

    private void rival(String what, String inOneArray, String byGigabyte) {
        Scores flat = of(inOneArray);
        Scores sparse = of(byGigabyte);
        if (flat != null && sparse != null) {
            System.out.printf(
                    Locale.ROOT,
                    "| %s | %.1f ns | %.2f x | %.1f ns | %.2f x | %.1f ns | %s; %s |%n",
                    what,
                    flat.median(),
                    flat.median() / of(BARE).median(),
                    sparse.median(),
                    sparse.median() / of("sparse-" + BARE).median(),
                    sparse.median() - flat.median(),
                    flat.spread(1),
                    sparse.spread(1));
        }
    }
}
