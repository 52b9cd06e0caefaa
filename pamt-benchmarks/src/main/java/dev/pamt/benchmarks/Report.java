package dev.pamt.benchmarks;

import java.io.IOException;
import java.util.List;
import java.util.Locale;

/**
 * Prints the table of docs/performance.md from JMH results ({@code -rf json}): for each target the ratio that was measured,
 * as the median over forks, and how far the forks lie apart.
 *
 * <p>{@code Report results.json [more.json ...]}; rows whose benchmarks did not run are left out. Each file is a run of its
 * own: no row compares what was measured in different runs.
 */
public final class Report {
    private static final double SEAMCALL_NANOS = 4000;

    private final JmhResults results;

    private Report(JmhResults results) {
        this.results = results;
    }

    public static void main(String[] args) throws IOException {
        System.out.println("| what | target | measured | spread over forks |");
        System.out.println("|---|---|---|---|");
        for (String file : args) {
            new Report(JmhResults.read(file)).print();
        }
        for (String file : args) {
            JmhResults results = JmhResults.read(file);
            LookupTable.print("one thread", "WarmGetPut.striding", results);
            LookupTable.print("two threads on one region", "SharedRegion.getPut", results);
        }
    }

    private void print() {
        warm();
        regions();
        slowMoments();
        neighboursAndPages();
    }

    private void warm() {
        ratio(
                "warm get+put, one thread, against a bare AtomicInteger",
                "at most 1.25 x",
                "WarmGetPut.striding ours-per2M",
                "WarmGetPut.striding bare-atomic");
        for (String rival : List.of("v6-dec-and-lock", "netty-refcnt")) {
            ratio(
                    "the same against " + rival,
                    "at most 1 x",
                    "WarmGetPut.striding ours-per2M",
                    "WarmGetPut.striding " + rival);
        }
        bytes("warm get+put allocates", 0, "WarmGetPut.striding ours-per2M B/op");
        ratio(
                "warm get+put, two threads on one region, against the bare one",
                "at most 1.1 x",
                "SharedRegion.getPut ours-per2M",
                "SharedRegion.getPut bare-atomic");
        ratio(
                "the same: inc-not-zero + dec-and-lock against us",
                "at least 1.6 x",
                "SharedRegion.getPut v6-dec-and-lock",
                "SharedRegion.getPut ours-per2M");
    }

    private void regions() {
        ratio(
                "neighbouring regions against regions far apart, two threads",
                "at most 1.15 x",
                "NeighbouringRegions.getPut 1 ours-per2M",
                "NeighbouringRegions.getPut 100 ours-per2M");
        ratio(
                "the same for an array without permutation",
                "(3.8 x)",
                "NeighbouringRegions.getPut 1 bare-varhandle",
                "NeighbouringRegions.getPut 100 bare-varhandle");
        ratio(
                "always-lock as merged against us, one thread",
                "at least 10 x",
                "WarmGetPut.oneRegion merged-always-lock",
                "WarmGetPut.oneRegion ours-per2M");
        ratio(
                "always-lock as merged against us, two threads",
                "at least 20 x",
                "SharedRegion.getPut merged-always-lock",
                "SharedRegion.getPut ours-per2M");
        ratio(
                "range of 511 pages against one page",
                "at most 2 x",
                "RangeGetPut.rangeOf511Pages per2M",
                "RangeGetPut.onePage per2M");
    }

    private void slowMoments() {
        for (String strategy : List.of("per2M", "hashed", "global")) {
            cycle(strategy);
        }
        bytes("0 -> 1 -> 0 allocates, per2M", 400, "Cycle.getPut per2M B/op");
        for (String threads : List.of("platform", "virtual")) {
            for (String callers : List.of("2", "8", "64")) {
                firstTouch(callers, threads);
            }
            for (String callers : List.of("1", "2", "8", "64")) {
                slowest(callers, threads);
            }
        }
        for (String callers : List.of("2", "64")) {
            for (String strategy : List.of("hashed", "global")) {
                ratio(
                        "put storm, " + callers + " threads: " + strategy + " against per2M",
                        "at least 1 x",
                        "PutStorm.putAll " + callers + " " + strategy + " platform",
                        "PutStorm.putAll " + callers + " per2M platform");
            }
        }
        ratio(
                "trim() of 100,000 idle regions against the REMOVEs alone, for each region",
                "",
                "SlowMoments.trim",
                "SlowMoments.rawRemoves");
        time("close() of 64 TiB, each gigabyte touched", "ms", 1e6, "SlowMoments.close");
        time("the first touch of a gigabyte", "us", 1e3, "SlowMoments.firstTouchOfAGigabyte");
    }

    private void neighboursAndPages() {
        for (String strategy : List.of("ours-hashed", "ours-per2M")) {
            ratio(
                    "distinct regions, two threads, 4 us SEAMCALL: global against " + strategy,
                    "at least 1.9 x",
                    "DistinctTransitions.getPut ours-global",
                    "DistinctTransitions.getPut " + strategy);
        }
        for (String rival : List.of("ours-per2M", "ours-hashed", "ours-global", "merged-always-lock")) {
            String target = rival.equals("ours-per2M") ? "at most 1.2 x" : "(contrast)";
            ratio(
                    "p99 of a victim's warm get+put beside a noisy neighbour against alone, " + rival,
                    target,
                    "NoisyNeighbour.warmVictim " + rival + " p99",
                    "NoisyNeighbour.warmAlone " + rival + " p99");
            ratio(
                    "p99 of a victim's transition beside a noisy neighbour against alone, " + rival,
                    target,
                    "NoisyNeighbour.transitionVictim " + rival + " p99",
                    "NoisyNeighbour.transitionAlone " + rival + " p99");
        }
        difference(
                "allocPage+freePage beyond get+put",
                "at most 60 ns",
                "AllocatedPages.allocPageFreePage per2M",
                "AllocatedPages.getPut per2M");
        bytes("allocPage+freePage allocates", 0, "AllocatedPages.allocPageFreePage per2M B/op");
        perSecond("emulator, PAMT.ADD and REMOVE", "at least 3 million a second", "EmulatorCalls.pamtAddAndRemove");
    }

    private void ratio(String what, String target, String ours, String theirs) {
        Scores a = results.get(ours);
        Scores b = results.get(theirs);
        if (a != null && b != null) {
            row(
                    what,
                    target,
                    String.format(
                            Locale.ROOT, "%.2f x (%.1f ns : %.1f ns)", a.median() / b.median(), a.median(), b.median()),
                    a.spread(1) + " : " + b.spread(1));
        }
    }

    private void difference(String what, String target, String ours, String theirs) {
        Scores a = results.get(ours);
        Scores b = results.get(theirs);
        if (a != null && b != null) {
            row(
                    what,
                    target,
                    String.format(Locale.ROOT, "%.1f ns", a.median() - b.median()),
                    a.spread(1) + " - " + b.spread(1));
        }
    }

    private void cycle(String strategy) {
        Scores ours = results.get("Cycle.getPut " + strategy);
        Scores raw = results.get("Cycle.twoSeamcalls " + strategy);
        if (ours != null && raw != null) {
            row(
                    "0 -> 1 -> 0 against the two raw SEAMCALLs, " + strategy,
                    "at most 1.15 x + 40 ns",
                    String.format(Locale.ROOT, "%.0f ns; %.0f ns allowed", ours.median(), 1.15 * raw.median() + 40),
                    ours.spread(1) + "; raw " + raw.spread(1));
        }
    }

    private void bytes(String what, int most, String key) {
        Scores scores = results.get(key);
        if (scores != null) {
            row(
                    what,
                    (most == 0 ? "" : "at most ") + most + " B/op",
                    String.format(Locale.ROOT, "%.1f B/op", scores.median()),
                    scores.spread(1));
        }
    }

    /** For each thread that is served, against one thread alone; and how much of it such a number of threads takes anyway. */
    private void firstTouch(String callers, String threads) {
        Scores all = results.get("FirstTouch.allHaveIt " + callers + " empty " + threads + " roundNanos");
        Scores one = results.get("FirstTouch.allHaveIt 1 empty " + threads + " roundNanos");
        Scores anyway = results.get("FirstTouch.allHaveIt " + callers + " backed " + threads + " roundNanos");
        if (all != null && one != null && anyway != null) {
            int served = Integer.parseInt(callers);
            row(
                    callers + " " + threads + " threads first touch one region, for each thread against one alone",
                    callers.equals("64") ? "at most 3 x" : "",
                    String.format(
                            Locale.ROOT,
                            "%.2f x (%.2f us : %.2f us); of that %.2f us if it is backed already",
                            all.median() / served / one.median(),
                            all.median() / served / 1000,
                            one.median() / 1000,
                            anyway.median() / served / 1000),
                    all.spread(served * 1000) + " : " + one.spread(1000) + " us");
        }
    }

    private void slowest(String callers, String threads) {
        String key = "FirstTouch.allHaveIt " + callers + " empty " + threads;
        Scores nanos = results.get(key + " slowestNanos");
        Scores late = results.get(key + " slowestNanosP99");
        Scores calls = results.get(key + " mostSeamcalls");
        if (nanos != null && late != null && calls != null) {
            row(
                    "the slowest of " + callers + " " + threads + " threads is in its get, in SEAMCALLs of 4 us",
                    callers.equals("64") ? "at most 20" : "",
                    String.format(
                            Locale.ROOT,
                            "%.1f; in one round of a hundred %.1f; SEAMCALLs answered meanwhile: %.0f",
                            nanos.median() / SEAMCALL_NANOS,
                            late.median() / SEAMCALL_NANOS,
                            calls.most()),
                    nanos.spread(SEAMCALL_NANOS) + "; " + late.spread(SEAMCALL_NANOS));
        }
    }

    private void time(String what, String unit, double nanosOfUnit, String key) {
        Scores scores = results.get(key);
        if (scores != null) {
            row(
                    what,
                    "",
                    String.format(Locale.ROOT, "%.1f %s", scores.median() / nanosOfUnit, unit),
                    scores.spread(nanosOfUnit) + " " + unit);
        }
    }

    private void perSecond(String what, String target, String key) {
        Scores scores = results.get(key);
        if (scores != null) {
            row(
                    what,
                    target,
                    String.format(Locale.ROOT, "%.2f million a second", scores.median() / 1e6),
                    String.format(Locale.ROOT, "%.2f to %.2f", scores.least() / 1e6, scores.most() / 1e6));
        }
    }

    private static void row(String what, String target, String measured, String spread) {
        System.out.println("| " + what + " | " + target + " | " + measured + " | " + spread + " |");
    }
}
