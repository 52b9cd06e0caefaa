package dev.pamt.lab;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.api.TdxHost;
import dev.pamt.lab.report.HostFacts;
import dev.pamt.lab.report.ProgressBar;
import dev.pamt.lab.report.StormReport;
import dev.pamt.lab.report.StormTable;
import dev.pamt.lab.report.Text;
import dev.pamt.lab.storm.Storm;
import dev.pamt.lab.storm.StormPlan;
import dev.pamt.lab.storm.StormResult;
import dev.pamt.lab.storm.StormRounds;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
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
    /** What the real module needs on average for one ADD and one REMOVE, in nanoseconds (Linux, v5 series, 2026). */
    private static final String AVERAGE_LATENCY = "PHYMEM_PAMT_ADD=4000,PHYMEM_PAMT_REMOVE=2000";

    /** The part of the heap that the addresses of guest pages may take. */
    private static final double HEAP_SHARE = 0.6;

    /** Memory of each TD at most in the round that is not measured. */
    private static final long WARM_UP_BYTES = 1L << 30;

    private static final int MOST_ROUNDS = 1000;

    private static final String EMULATOR = "emulator";

    /** The TDs that the emulated platform has keys for as it comes: 32 private ones, of which the module takes one. */
    private static final int TDS_WITH_FEW_KEYS = 31;

    /** Address bits below the key id on a platform with many keys; more if the memory needs them. */
    private static final int FEWEST_ADDRESS_BITS = 40;

    /** What a SEAMCALL costs on the emulator. */
    enum Latency {
        /** Nothing but the work itself. */
        NONE,
        /** What the real module needs on average, for ADD and REMOVE. */
        AVERAGE,
        /** Times drawn for each call as they were measured on the real module. */
        MEASURED;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

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
            names = "--memory-map",
            paramLabel = "MAP",
            description = {
                "The RAM of the emulated host:",
                "  host: /proc/iomem of this machine, needs root; the default on Linux",
                "  synthetic: 32 GiB with a hole below 4 GiB",
                "  FILE: a saved /proc/iomem, or a boot log with BIOS-e820 or virt/tdx: CMR lines",
                "What cannot be read is replaced by the synthetic map."
            })
    private String memoryMap;

    @Option(
            names = "--latency",
            paramLabel = "none|average|measured",
            defaultValue = "average",
            description = {
                "What SEAMCALLs cost on the emulator:",
                "  average: 4 us for an ADD, 2 us for a REMOVE, the averages of the real module (default)",
                "  measured: drawn for each call, as measured on the real module",
                "  none: nothing but the work itself"
            })
    private Latency latency;

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

    @Option(
            names = "--backend",
            paramLabel = "NAME",
            defaultValue = EMULATOR,
            description = {"The SEAMCALL backend (default: emulator)."})
    private String backend;

    @Option(names = "--json", paramLabel = "FILE", description = "Write the results to a file, for machines.")
    private Path json;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar. There is none, either, if the output does not go to a terminal.")
    private boolean quiet;

    @Override
    public Integer call() throws InterruptedException, IOException {
        StormPlan plan = plan();
        checkJson();
        SeamcallProviderFactory factory = factory();
        List<LockStrategy> chosen = strategies.isEmpty() ? LockStrategyConverter.builtIn() : strategies;
        HostCandidate host = hostWithRoom(factory, plan);

        PrintWriter out = spec.commandLine().getOut();
        describe(out, plan, host, factory);
        List<StormRounds> results = runAll(plan, chosen, factory, host.memory);
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

    /** Runs each strategy once without measuring it, then once in each round; a round with a finding is the last. */
    private List<StormRounds> runAll(
            StormPlan plan, List<LockStrategy> chosen, SeamcallProviderFactory factory, LabMemory memory)
            throws InterruptedException {
        StormPlan warmUp = plan.withMemoryUpTo(WARM_UP_BYTES);
        List<List<StormResult>> results =
                chosen.stream().map(strategy -> new ArrayList<StormResult>()).collect(Collectors.toList());
        List<Integer> places = IntStream.range(0, chosen.size()).boxed().toList();
        long steps = 2L * chosen.size() * (warmUp.guestPages() + rounds * plan.guestPages());
        try (ProgressBar bar = quiet ? ProgressBar.none() : ProgressBar.start(steps)) {
            bar.phase("warming up");
            // Otherwise the first strategies pay for the JIT compiler and for memory that the heap has not had before.
            for (LockStrategy strategy : chosen) {
                run(new Storm(warmUp, bar::step), strategy, factory, memory);
            }
            boolean finding = false;
            for (int round = 0; round < rounds && !finding; round++) {
                for (int place : StormRounds.order(places, round)) {
                    LockStrategy strategy = chosen.get(place);
                    bar.phase(String.format("round %d of %d: %s", round + 1, rounds, strategy.name()));
                    StormResult result = run(new Storm(plan, bar::step), strategy, factory, memory);
                    results.get(place).add(result);
                    finding |= result.isFinding();
                }
            }
        }
        return places.stream()
                .map(place -> new StormRounds(chosen.get(place).name(), results.get(place)))
                .toList();
    }

    private StormPlan plan() {
        if (rounds < 1 || rounds > MOST_ROUNDS) {
            throw usage("there are 1 to " + MOST_ROUNDS + " rounds, not " + rounds);
        }
        StormPlan plan;
        try {
            plan = new StormPlan(tds, memoryBytes, vcpus, seed);
        } catch (IllegalArgumentException e) {
            throw usage(e.getMessage());
        }
        long heapNeeded = plan.guestPages() * Long.BYTES;
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

    private void checkJson() {
        if (json == null) {
            return;
        }
        Path directory = json.toAbsolutePath().getParent();
        if (Files.isDirectory(json) || directory == null || !Files.isWritable(directory)) {
            throw usage("--json " + json + ": a file in a directory that can be written to is needed");
        }
    }

    private SeamcallProviderFactory factory() {
        try {
            return SeamcallProviderFactory.named(backend);
        } catch (IllegalArgumentException e) {
            throw usage("--backend " + backend + ": " + e.getMessage());
        }
    }

    private StormResult run(Storm storm, LockStrategy strategy, SeamcallProviderFactory factory, LabMemory memory)
            throws InterruptedException {
        try (TdxHost host = bringUp(factory, memory)) {
            return storm.run(host, strategy);
        }
    }

    /** The memory map to use: one on which a host comes up and has room for the storm. */
    private HostCandidate hostWithRoom(SeamcallProviderFactory factory, StormPlan plan) {
        boolean isDefault = memoryMap == null;
        HostCandidate host = candidate(factory, plan, isDefault ? LabMemory.ofDefault() : LabMemory.of(memoryMap));
        if (!host.lacks.isEmpty() && isDefault) {
            host = candidate(factory, plan, LabMemory.synthetic(host.lacks));
        }
        if (!host.lacks.isEmpty()) {
            throw usage(host.lacks + "; use fewer --tds, less --memory or another --memory-map");
        }
        return host;
    }

    private HostCandidate candidate(SeamcallProviderFactory factory, StormPlan plan, LabMemory memory) {
        try (TdxHost host = bringUp(factory, memory)) {
            HostFacts facts = HostFacts.of(host);
            if (plan.tds() > Storm.mostTds(host)) {
                return new HostCandidate(
                        memory,
                        facts,
                        String.format(
                                "%s need a key each; a host with memory map %s has keys for %d",
                                Text.count(plan.tds(), "TD"), memory.source(), Storm.mostTds(host)));
            }
            long needed = Storm.pagesNeeded(host, plan);
            String lacks = needed <= facts.freePages()
                    ? ""
                    : String.format(
                            "%s of %s with %s each need up to %s with their control pages and page pairs;"
                                    + " memory map %s has %s free",
                            Text.count(plan.tds(), "TD"),
                            Text.bytes(plan.memoryBytes()),
                            Text.count(plan.vcpus(), "vCPU"),
                            pages(needed),
                            memory.source(),
                            pages(facts.freePages()));
            return new HostCandidate(memory, facts, lacks);
        }
    }

    private static String pages(long pages) {
        return Text.bytes(pages << 12);
    }

    private TdxHost bringUp(SeamcallProviderFactory factory, LabMemory memory) {
        PlatformConfig.Builder config = PlatformConfig.builder()
                .cmrs(memory.map().cmrs())
                .processors(Runtime.getRuntime().availableProcessors());
        if (factory.name().equals(EMULATOR) && latency != Latency.NONE) {
            config.option("latency-ns", latency == Latency.AVERAGE ? AVERAGE_LATENCY : latency.toString());
        }
        if (factory.name().equals(EMULATOR) && tds > TDS_WITH_FEW_KEYS) {
            long endHpa = memory.map().endHpa();
            int memoryBits = Long.SIZE - Long.numberOfLeadingZeros(endHpa - 1);
            config.option("max-pa", Integer.toString(PhysicalRange.ADDRESS_BITS));
            config.option("hkid-start-bit", Integer.toString(Math.max(memoryBits, FEWEST_ADDRESS_BITS)));
        }
        SeamcallPlatform platform;
        try {
            platform = factory.open(config.build());
        } catch (IllegalArgumentException e) {
            throw usage("backend " + backend + " cannot be a host with memory map " + memory.source() + ": "
                    + e.getMessage());
        }
        try {
            return TdxHost.bringUp(platform, memory.map());
        } catch (IllegalArgumentException | SeamcallFailedException e) {
            platform.close();
            throw usage("a host with memory map " + memory.source() + " does not come up: " + e.getMessage());
        }
    }

    private void describe(PrintWriter out, StormPlan plan, HostCandidate host, SeamcallProviderFactory factory) {
        out.printf(
                "storm       %s of %s with %s each: %s; seed %d; %s%n",
                Text.count(plan.tds(), "TD"),
                Text.bytes(plan.memoryBytes()),
                Text.count(plan.vcpus(), "vCPU"),
                Text.count(plan.guestPages(), "guest page"),
                plan.seed(),
                Text.count(rounds, "round"));
        out.println("memory map  " + host.memory.describe());
        if (!host.memory.instead().isEmpty()) {
            out.println("            because " + host.memory.instead());
        }
        out.println("host        " + host.facts.describe());
        out.println("backend     " + factory.name() + ": " + factory.description() + "; latency " + latency);
        out.println();
        out.flush();
    }

    private void write(StormPlan plan, HostCandidate host, List<StormRounds> results) throws IOException {
        LabMemory memory = host.memory;
        new StormReport(
                        Main.Version.ofLab(),
                        backend,
                        latency.toString(),
                        plan,
                        memory.map(),
                        memory.source(),
                        memory.instead(),
                        host.facts,
                        results)
                .write(json);
        spec.commandLine().getOut().printf("%nresults written to %s%n", json);
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    /** Where the storm runs; lacks says what there is too little of. */
    private record HostCandidate(LabMemory memory, HostFacts facts, String lacks) {}
}
