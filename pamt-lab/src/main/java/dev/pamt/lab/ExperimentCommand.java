package dev.pamt.lab;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.lab.HostOptions.Candidate;
import dev.pamt.lab.HostOptions.CountedHost;
import dev.pamt.lab.experiment.Stage;
import dev.pamt.lab.experiment.Trial;
import dev.pamt.lab.experiment.TrialSize;
import dev.pamt.lab.host.GuestMemory.Backing;
import dev.pamt.lab.host.LabHost;
import dev.pamt.lab.policy.HostSetup;
import dev.pamt.lab.policy.PamtPolicies;
import dev.pamt.lab.report.ProgressBar;
import dev.pamt.lab.report.ResultTable;
import dev.pamt.lab.report.Text;
import dev.pamt.seamcall.decorator.SeamcallDecorator;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** An experiment: a table with a row for each policy and lock strategy, each on a fresh host. */
abstract class ExperimentCommand implements Callable<Integer> {
    /** Pages that are named for each row at most. */
    private static final int MOST_LINES = 100;

    /** Memory of each TD at most before the measured rows. */
    private static final long WARM_UP_BYTES = 32L << 20;

    @Spec
    private CommandSpec spec;

    @Option(names = "--tds", paramLabel = "N", description = "How many TDs (default: ${DEFAULT-VALUE}).")
    private int tds;

    @Option(
            names = "--memory",
            paramLabel = "SIZE",
            converter = SizeConverter.class,
            description = "Memory of each TD, a multiple of 2M (default: ${DEFAULT-VALUE}).")
    private long memoryBytes;

    @Option(
            names = "--vcpus",
            paramLabel = "N",
            description = "vCPUs of each TD, each a thread (default: ${DEFAULT-VALUE}).")
    private int vcpus;

    @Option(
            names = "--backing",
            paramLabel = "4k|2m|1g",
            converter = BackingConverter.class,
            description = "What guest memory is made of: single pages, 2M chunks, or 1G of them at once (default: 2m).")
    private Backing backing = Backing.CHUNKS_2M;

    @Option(
            names = "--policy",
            paramLabel = "NAME",
            split = ",",
            arity = "1..*",
            description =
                    "When pairs are given and taken back: onDemand, septAtTopUp, populate, firstTd, striped, lazy.")
    private List<String> policies = new ArrayList<>();

    @Option(
            names = "--strategy",
            paramLabel = "NAME",
            split = ",",
            arity = "1..*",
            converter = LockStrategyConverter.class,
            description =
                    "Lock strategies: global, hashed, hashed:<number of locks>, per2M, or one of a factory on the class path.")
    private List<LockStrategy> strategies = new ArrayList<>();

    @Option(
            names = "--reclaim",
            paramLabel = "NAME",
            split = ",",
            arity = "1..*",
            converter = ReclaimPolicyConverter.class,
            description =
                    "When an empty region loses its pair: eager, keepIdle:<regions>, or one of a factory on the class path.")
    private List<ReclaimPolicy> reclaims = new ArrayList<>();

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "1",
            description = "Decides what is random (default: 1).")
    private long seed;

    @Option(names = "--json", paramLabel = "FILE", description = "Write the results to a file, for machines.")
    private Path json;

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress bar. There is none, either, if the output does not go to a terminal.")
    private boolean quiet;

    @Mixin
    private HostOptions hostOptions;

    private final Defaults defaults;

    /** What an experiment is if nothing is asked for. */
    record Defaults(
            int tds,
            long memoryBytes,
            int vcpus,
            List<String> policies,
            List<LockStrategy> strategies,
            List<ReclaimPolicy> reclaims) {}

    /** A row of the table. */
    private record Row(String label, HostSetup setup) {}

    ExperimentCommand(Defaults defaults) {
        this.defaults = defaults;
        tds = defaults.tds;
        memoryBytes = defaults.memoryBytes;
        vcpus = defaults.vcpus;
    }

    /** Makes the experiment. */
    abstract Trial newTrial(TrialSize size);

    /** What stands between the host and its module. */
    SeamcallDecorator decorator() {
        return HostOptions.NOTHING;
    }

    /** Whether the rows are run once in small before, because times are compared. */
    boolean warmsUp() {
        return true;
    }

    /** A failure of one of these policies is what it is there for, and no finding. */
    boolean isExpectedToFail(String policy) {
        return !PamtPolicies.counts(policy);
    }

    final long seed() {
        return seed;
    }

    final ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    @Override
    public final Integer call() throws InterruptedException, IOException {
        hostOptions.check();
        hostOptions.checkJson(json);
        TrialSize size = size();
        Trial trial = newTrial(size);
        List<Row> rows = rows();
        Candidate host = hostOptions.hostWithRoom(
                size.tds(),
                size.tds() * size.vcpus(),
                up -> LabHost.pagesNeeded(up, size.tds(), size.vcpus(), size.blocks()),
                Text.count(size.tds(), "TD") + " of " + Text.bytes(size.memoryBytes()));
        PrintWriter out = spec.commandLine().getOut();
        out.printf(
                "%-11s %s of %s with %s each, backing %s; seed %d%n",
                spec.name(),
                Text.count(size.tds(), "TD"),
                Text.bytes(size.memoryBytes()),
                Text.count(size.vcpus(), "vCPU"),
                BackingConverter.name(size.backing()),
                seed);
        hostOptions.describe(out, host);
        out.println();
        out.flush();

        ResultTable table = new ResultTable(trial.columns());
        List<String> findings = new ArrayList<>();
        // Ctrl-C gives the table so far.
        Thread atInterrupt = new Thread(() -> print(table));
        Runtime.getRuntime().addShutdownHook(atInterrupt);
        try (ProgressBar bar = quiet ? ProgressBar.none() : ProgressBar.start(rows.size())) {
            bar.phase("warming up");
            // Otherwise the first row pays for the JIT compiler.
            TrialSize small = size.withMemoryUpTo(WARM_UP_BYTES);
            ResultTable ignored = new ResultTable(trial.columns());
            for (Row row : warmsUp() ? rows : List.<Row>of()) {
                run(newTrial(small), row, small, host.memory(), ignored, new ArrayList<>());
            }
            for (Row row : rows) {
                bar.phase(row.label);
                run(trial, row, size, host.memory(), table, findings);
                bar.step(1);
            }
        } finally {
            removeHook(atInterrupt);
        }
        print(table);
        if (json != null) {
            table.write(json, Main.Version.ofLab(), facts(size, host));
            out.printf("%nresults written to %s%n", json);
        }
        findings.forEach(spec.commandLine().getErr()::println);
        return findings.isEmpty() ? ExitCode.OK : Main.EXIT_FINDING;
    }

    private static void removeHook(Thread hook) {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // It is running.
        }
    }

    private void print(ResultTable table) {
        PrintWriter out = spec.commandLine().getOut();
        synchronized (table) {
            table.lines().forEach(out::println);
            out.println();
            table.legend().forEach(out::println);
        }
        out.flush();
    }

    private void run(Trial trial, Row row, TrialSize size, LabMemory memory, ResultTable table, List<String> findings)
            throws InterruptedException {
        try (CountedHost host = hostOptions.bringUp(memory, size.tds(), size.tds() * size.vcpus(), true, decorator())) {
            Stage stage = new Stage(host.host(), row.setup, host.leaves());
            String failure;
            try {
                List<ResultTable.Cell> cells = trial.run(row.label, stage);
                synchronized (table) {
                    table.row(cells);
                }
                stage.losses().stream()
                        .limit(MOST_LINES)
                        .forEach(spec.commandLine().getErr()::println);
                failure = stage.clear();
            } catch (RuntimeException e) {
                String cleared = stage.clear();
                failure = e + (cleared.isEmpty() ? "" : "; " + cleared);
            }
            if (!failure.isEmpty() && !isExpectedToFail(row.setup.policy())) {
                findings.add(row.label + ": " + failure);
            } else if (!failure.isEmpty()) {
                spec.commandLine().getOut().println("as expected, " + row.label + ": " + failure);
            }
        }
    }

    private List<Row> rows() {
        List<LockStrategy> locks = strategies.isEmpty() ? defaults.strategies : strategies;
        List<Row> rows = new ArrayList<>();
        for (String given : policies.isEmpty() ? defaults.policies : policies) {
            String policy = hostOptions.policy(given);
            // What is there for comparison is shown in one way, unless more was asked for.
            List<ReclaimPolicy> reclaimed = !reclaims.isEmpty()
                    ? reclaims
                    : policy.equals(PamtPolicies.ON_DEMAND) ? defaults.reclaims : defaults.reclaims.subList(0, 1);
            if (!PamtPolicies.usesManager(policy)) {
                rows.add(new Row(policy, new HostSetup(locks.get(0), reclaimed.get(0), policy)));
                continue;
            }
            for (LockStrategy strategy : locks) {
                for (ReclaimPolicy reclaim : reclaimed) {
                    String label = policy
                            + (locks.size() > 1 ? " " + strategy.name() : "")
                            + (reclaimed.size() > 1 ? " " + reclaim.name() : "");
                    rows.add(new Row(label, new HostSetup(strategy, reclaim, policy)));
                }
            }
        }
        return rows;
    }

    private TrialSize size() {
        try {
            return new TrialSize(tds, memoryBytes, vcpus, backing, seed);
        } catch (IllegalArgumentException e) {
            throw usage(e.getMessage());
        }
    }

    private Map<String, Object> facts(TrialSize size, Candidate host) {
        Map<String, Object> facts = new LinkedHashMap<>();
        facts.put("processors", Runtime.getRuntime().availableProcessors());
        facts.put("experiment", spec.name());
        facts.put("backend", hostOptions.backend());
        facts.put("latency", hostOptions.latency());
        facts.put("memoryMap", host.memory().source());
        facts.put("fragmentedPercent", hostOptions.fragmentedPercent());
        facts.put("tds", size.tds());
        facts.put("memoryBytes", size.memoryBytes());
        facts.put("vcpus", size.vcpus());
        facts.put("backing", BackingConverter.name(size.backing()));
        facts.put("seed", seed);
        return facts;
    }
}
