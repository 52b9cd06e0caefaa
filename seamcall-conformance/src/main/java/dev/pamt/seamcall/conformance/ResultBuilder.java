package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.conformance.Line.Place;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** Collects what comes of replaying one recording, line by line. Not thread-safe. */
final class ResultBuilder {
    private final String file;
    private final SortedMap<String, SortedMap<String, Integer>> coverage = new TreeMap<>();
    private final List<Difference> differences = new ArrayList<>();
    private final Map<String, Skip> skips = new LinkedHashMap<>();
    private int calls;
    private int events;
    private Place place;

    ResultBuilder(String file) {
        this.file = file;
    }

    /** Goes to a line of the recording. */
    void at(Place line) {
        place = line;
    }

    /** Counts a call that was made. */
    void call(String status) {
        calls++;
        coverage.computeIfAbsent(place.name(), any -> new TreeMap<>()).merge(status, 1, Integer::sum);
    }

    /** Counts an event that was applied. */
    void event() {
        events++;
    }

    void compare(String register, long expected, long got) {
        if (expected != got) {
            differ(register, Registers.hex(expected), Registers.hex(got));
        }
    }

    void differ(String register, String expected, String got) {
        differences.add(new Difference(file, place.number(), place.n(), place.name(), register, expected, got));
    }

    /** Notes that the line is not replayed, or not compared in full. */
    void skip(String reason) {
        skips.merge(
                reason,
                new Skip(reason, 1, place.number()),
                (all, one) -> new Skip(reason, all.lines() + 1, all.firstLine()));
    }

    ReplayResult build() {
        if (calls == 0 && differences.isEmpty() && skips.isEmpty()) {
            skip("it has no call");
        }
        return new ReplayResult(file, calls, events, coverage, List.copyOf(differences), List.copyOf(skips.values()));
    }
}
