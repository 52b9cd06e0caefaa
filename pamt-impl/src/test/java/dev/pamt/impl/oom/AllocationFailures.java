package dev.pamt.impl.oom;

import dev.pamt.impl.oom.sites.Passage;
import dev.pamt.impl.oom.sites.Recording;
import dev.pamt.impl.oom.sites.Report;
import dev.pamt.impl.oom.sites.Report.Finding;
import dev.pamt.impl.oom.sites.Request;
import dev.pamt.impl.oom.sites.Trap;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Runs every scenario on every setup once without an error, to see which sites it passes, and then once for each of them
 * with an error there.
 */
public final class AllocationFailures implements Function<Request, Report> {
    private record Planned(Setup setup, Scenario scenario, Passage passage) {
        @Override
        public String toString() {
            return setup + ", " + scenario + ", " + passage;
        }
    }

    @Override
    public Report apply(Request request) {
        PrintStream err = System.err;
        // Each failed SEAMCALL is worth a line in a log, ten thousand are not.
        System.setErr(new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8));
        try {
            return run(request);
        } finally {
            System.setErr(err);
        }
    }

    private static Report run(Request request) {
        List<Finding> findings = new ArrayList<>();
        List<Planned> plan = new ArrayList<>();
        Sabotage sabotage = Sabotage.valueOf(request.sabotage());
        for (Setup setup : sabotage == Sabotage.NONE ? Setup.all() : List.of(Setup.of(sabotage))) {
            for (Scenario scenario : Scenario.of(setup)) {
                plan.addAll(record(setup, scenario, request.times(), findings));
            }
        }
        Collections.shuffle(plan, new Random(request.seed()));
        plan = eachSiteFirst(plan);
        int cases = Math.min(request.most(), plan.size());
        int notReached = 0;
        Set<Integer> sites = new HashSet<>();
        for (Planned planned : plan.subList(0, cases)) {
            sites.add(planned.passage.site());
            Trap trap = new Trap(planned.passage, request.kind()::newError);
            Findings found = new Findings(planned.toString());
            new Case(planned.setup, planned.scenario, found).run(trap);
            notReached += trap.hasThrown() ? 0 : 1;
            findings.addAll(found.all());
        }
        return new Report(sites.size(), cases, plan.size(), notReached, findings);
    }

    /** The plan with one case of each site in front of all others. */
    private static List<Planned> eachSiteFirst(List<Planned> plan) {
        Set<Integer> sites = new HashSet<>();
        Map<Boolean, List<Planned>> parts =
                plan.stream().collect(Collectors.partitioningBy(planned -> sites.add(planned.passage.site())));
        List<Planned> ordered = new ArrayList<>(parts.get(true));
        ordered.addAll(parts.get(false));
        return ordered;
    }

    /** The sites that a scenario passes. The first run loads classes, which the later ones do not. */
    private static List<Planned> record(Setup setup, Scenario scenario, int times, List<Finding> findings) {
        Recording recording = null;
        for (int run = 0; run < 2; run++) {
            recording = new Recording(times);
            Findings found = new Findings(setup + ", " + scenario + ", no error");
            new Case(setup, scenario, found).run(recording);
            findings.addAll(found.all());
        }
        return recording.passages().stream()
                .map(passage -> new Planned(setup, scenario, passage))
                .toList();
    }
}
