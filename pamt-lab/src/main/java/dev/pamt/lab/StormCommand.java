package dev.pamt.lab;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.lab.HostOptions.Candidate;
import dev.pamt.lab.HostOptions.CountedHost;
import dev.pamt.lab.host.GuestMemory.Backing;
import dev.pamt.lab.host.LabHost;
import dev.pamt.lab.policy.HostSetup;
import dev.pamt.lab.policy.PamtPolicies;
import dev.pamt.lab.report.ProgressBar;
import dev.pamt.lab.report.StormReport;
import dev.pamt.lab.report.StormTable;
import dev.pamt.lab.report.Text;
import dev.pamt.lab.storm.Storm;
import dev.pamt.lab.storm.StormPlan;
import dev.pamt.lab.storm.StormResult;
import dev.pamt.lab.storm.StormRounds;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code ./lab storm}: what each lock strategy makes of many TDs that start and stop at once. */
@Command(
        name = "storm",
        description = {
            "TDs fault their memory in 4K pages, all at once, and are shut down; for each lock strategy in turn,"
                    + " on a fresh host, in some rounds.",
            ""
        },
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        showDefaultValues = false,
        sortOptions = false)
final class StormCommand implements Callable<Integer> {
    /** The part of the heap that the addresses of guest pages may take. */
    private static final double HEAP_SHARE = 0.6;

    /** Memory of each TD at most in the round that is not measured. */
    private static final long WARM_UP_BYTES = 1L << 30;

    private static final int MOST_ROUNDS = 1000;

    /** A page number and the state of an entry. */
    private static final int BYTES_PER_PAGE = Integer.BYTES + 1;

    @Spec
    private CommandSpec spec;

    @Option(names = "--tds", paramLabel = "N", defaultValue = "10", description = "How many TDs (default: 10).")
    private int tds;

    @Option(
            names = "--memory",
            paramLabel = "SIZE",
            defaultValue = "1G",
            converter = SizeConverter.class,
            description = "Memory of each TD, a multiple of 2M (default: 1G).")
    private long memoryBytes;

    @Option(
            names = "--vcpus",
            paramLabel = "N",
            defaultValue = "4",
            description = "vCPUs of each TD, each a thread (default: 4).")
    private int vcpus;

    @Option(
            names = "--strategy",
            paramLabel = "NAME",
            split = ",",
            arity = "1..*",
            converter = LockStrategyConverter.class,
            description =
                    "Lock strategies: global, hashed, hashed:<number of locks>, per2M, or one of a factory on the class path"
                            + " (default: global hashed:64 per2M).")
    private List<LockStrategy> strategies = new ArrayList<>();

    @Option(
            names = "--policy",
            paramLabel = "NAME",
            split = ",",
            arity = "1..*",
            description =
                    "When pairs are given and taken back: onDemand, septAtTopUp, populate, firstTd, striped, lazy (default: onDemand).")
    private List<String> policies = List.of(PamtPolicies.ON_DEMAND);

    @Option(
            names = "--reclaim",
            paramLabel = "NAME",
            defaultValue = "eager",
            converter = ReclaimPolicyConverter.class,
            description =
                    "When an empty region loses its pair: eager, keepIdle:<regions>, or one of a factory on the class path (default: eager).")
    private ReclaimPolicy reclaim;

    @Option(
            names = "--backing",
            paramLabel = "4k|2m|1g",
            defaultValue = "4k",
            converter = BackingConverter.class,
            description = "What guest memory is made of: single pages, 2M chunks, or 1G of them at once (default: 4k).")
    private Backing backing;

    @Option(
            names = "--guests",
            description = "Guests accept their memory; otherwise the host maps it and no guest runs.")
    private boolean guests;

    @Option(
            names = "--static",
            description = "One more row: the same with static PAMT, what Dynamic PAMT costs beside it.")
    private boolean withStatic;

    @Mixin
    private HostOptions hostOptions;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "3",
            description =
                    "How often each strategy runs, after a round that is not measured; each round begins with the next"
                            + " strategy (default: 3).")
    private int rounds;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Decides in which order the guests touch their memory (default: 1).")
    private long seed;

    @Option(names = "--json", paramLabel = "FILE", description = "Write the results to a file, for machines.")
    private Path json;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar. There is none, either, if the output does not go to a terminal.")
    private boolean quiet;

    /** A row of the table. */
    private record Variant(String label, HostSetup setup, boolean dynamic) {}

    @Override
    public Integer call() throws InterruptedException, IOException {
        hostOptions.check();
        StormPlan plan = plan();
        hostOptions.checkJson(json);
        List<Variant> variants = variants();
        Candidate host = hostOptions.hostWithRoom(
                plan.tds(),
                plan.tds() * plan.vcpus(),
                up -> LabHost.pagesNeeded(up, plan.tds(), plan.vcpus(), plan.blocks()),
                String.format(
                        "%s of %s with %s each",
                        Text.count(plan.tds(), "TD"),
                        Text.bytes(plan.memoryBytes()),
                        Text.count(plan.vcpus(), "vCPU")));

        PrintWriter out = spec.commandLine().getOut();
        describe(out, plan, host);
        List<StormRounds> results = runAll(plan, variants, host.memory());
        StormTable.lines(results).forEach(out::println);
        out.println();
        StormTable.legend().forEach(out::println);
        if (json != null) {
            write(plan, host, results);
        }
        List<String> findings = StormTable.findings(results);
        findings.forEach(spec.commandLine().getErr()::println);
        return findings.isEmpty() ? ExitCode.OK : Main.EXIT_FINDING;
    }

    /** The rows: each strategy under each policy that uses the manager, the other policies once, and static PAMT. */
    private List<Variant> variants() {
        List<LockStrategy> chosen = strategies.isEmpty() ? LockStrategyConverter.builtIn() : strategies;
        List<Variant> variants = new ArrayList<>();
        for (String given : policies) {
            String policy = hostOptions.policy(given);
            List<LockStrategy> tried = PamtPolicies.usesManager(policy) ? chosen : chosen.subList(0, 1);
            for (LockStrategy strategy : tried) {
                String label = policy.equals(PamtPolicies.ON_DEMAND)
                        ? strategy.name()
                        : PamtPolicies.usesManager(policy) ? policy + " " + strategy.name() : policy;
                variants.add(new Variant(label, new HostSetup(strategy, reclaim, policy), true));
            }
        }
        if (withStatic) {
            variants.add(
                    new Variant("static PAMT", new HostSetup(chosen.get(0), reclaim, PamtPolicies.ON_DEMAND), false));
        }
        return variants;
    }

    /** Runs each variant once without measuring it, then once in each round; a round with a finding is the last. */
    private List<StormRounds> runAll(StormPlan plan, List<Variant> variants, LabMemory memory)
            throws InterruptedException {
        StormPlan warmUp = plan.withMemoryUpTo(WARM_UP_BYTES);
        List<List<StormResult>> results =
                variants.stream().map(variant -> new ArrayList<StormResult>()).collect(Collectors.toList());
        List<Integer> places = IntStream.range(0, variants.size()).boxed().toList();
        long steps = 2L * variants.size() * (warmUp.guestPages() + rounds * plan.guestPages());
        try (ProgressBar bar = quiet ? ProgressBar.none() : ProgressBar.start(steps)) {
            bar.phase("warming up");
            // Otherwise the first variants pay for the JIT compiler and for memory that the heap has not had before.
            for (Variant variant : variants) {
                run(warmUp, variant, memory, bar);
            }
            boolean finding = false;
            for (int round = 0; round < rounds && !finding; round++) {
                for (int place : StormRounds.order(places, round)) {
                    Variant variant = variants.get(place);
                    bar.phase(String.format("round %d of %d: %s", round + 1, rounds, variant.label()));
                    StormResult result = run(plan, variant, memory, bar);
                    results.get(place).add(result);
                    finding |= result.isFinding();
                }
            }
        }
        return places.stream()
                .filter(place -> !results.get(place).isEmpty())
                .map(place -> new StormRounds(variants.get(place).label(), results.get(place)))
                .toList();
    }

    private StormResult run(StormPlan plan, Variant variant, LabMemory memory, ProgressBar bar)
            throws InterruptedException {
        try (CountedHost host = hostOptions.bringUp(
                memory, plan.tds(), plan.tds() * plan.vcpus(), variant.dynamic(), HostOptions.NOTHING)) {
            if (plan.guests() && !LabHost.hasGuests(host.host())) {
                throw usage("--guests: backend " + hostOptions.backend() + " runs no guests");
            }
            return new Storm(plan, bar::step).run(host.host(), variant.setup(), host.leaves());
        }
    }

    private StormPlan plan() {
        if (rounds < 1 || rounds > MOST_ROUNDS) {
            throw usage("there are 1 to " + MOST_ROUNDS + " rounds, not " + rounds);
        }
        StormPlan plan;
        try {
            plan = new StormPlan(tds, memoryBytes, vcpus, seed, backing, guests);
        } catch (IllegalArgumentException e) {
            throw usage(e.getMessage());
        }
        long heapNeeded = plan.guestPages() * BYTES_PER_PAGE;
        long heap = Runtime.getRuntime().maxMemory();
        if (heapNeeded > heap * HEAP_SHARE) {
            throw usage(String.format(
                    "the addresses of %s take %s, more than %.0f%% of the Java heap of %s;"
                            + " set a larger one with LAB_JAVA_OPTS=-Xmx...",
                    Text.count(plan.guestPages(), "guest page"),
                    Text.bytes(heapNeeded),
                    100 * HEAP_SHARE,
                    Text.bytes(heap)));
        }
        return plan;
    }

    private void describe(PrintWriter out, StormPlan plan, Candidate host) {
        out.printf(
                "storm       %s of %s with %s each: %s; seed %d; %s%n",
                Text.count(plan.tds(), "TD"),
                Text.bytes(plan.memoryBytes()),
                Text.count(plan.vcpus(), "vCPU"),
                Text.count(plan.guestPages(), "guest page"),
                plan.seed(),
                Text.count(rounds, "round"));
        hostOptions.describe(out, host);
        out.println();
        out.flush();
    }

    private void write(StormPlan plan, Candidate host, List<StormRounds> results) throws IOException {
        LabMemory memory = host.memory();
        new StormReport(
                        Main.Version.ofLab(),
                        hostOptions.backend(),
                        hostOptions.latency(),
                        plan,
                        memory.map(),
                        memory.source(),
                        memory.instead(),
                        host.facts(),
                        results)
                .write(json);
        spec.commandLine().getOut().printf("%nresults written to %s%n", json);
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
