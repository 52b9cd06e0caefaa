package dev.pamt.lab;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.lab.measure.Placement;
import dev.pamt.lab.measure.RegionUse;
import dev.pamt.lab.measure.Replay;
import dev.pamt.lab.measure.ReplayResult;
import dev.pamt.lab.report.MeasureTable;
import dev.pamt.lab.report.ReplayTable;
import dev.pamt.lab.report.Text;
import dev.pamt.seamcall.SeamcallProviderFactory;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code ./lab replay}: the pages of a real process through the manager. */
@Command(
        name = "replay",
        description = {
            "Gives the pages of a placement file to a manager on an emulated host, in their order, and takes them back; for"
                    + " each lock strategy with each reclaim policy.",
            ""
        },
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        showDefaultValues = false,
        sortOptions = false,
        footer = {"", "Exit code 1 if another number of page pairs is installed than ./lab measure says."})
final class ReplayCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "PLACEMENT", description = "A file that ./lab measure --record has written.")
    private Path file;

    @Option(
            names = "--strategy",
            paramLabel = "NAME",
            split = ",",
            converter = LockStrategyConverter.class,
            description = "Lock strategies (default: global hashed:64 per2M).")
    private List<LockStrategy> strategies = new ArrayList<>();

    @Option(
            names = "--reclaim",
            paramLabel = "NAME",
            split = ",",
            converter = ReclaimPolicyConverter.class,
            description = "Reclaim policies: eager, keepIdle:N, or one of a factory on the class path"
                    + " (default: eager keepIdle:64).")
    private List<ReclaimPolicy> policies = new ArrayList<>();

    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "5",
            description = "How often each of them runs; the least times count (default: 5).")
    private int rounds;

    @Option(
            names = "--backend",
            paramLabel = "NAME",
            defaultValue = "emulator",
            description = "The SEAMCALL backend (default: emulator).")
    private String backend;

    @Override
    public Integer call() {
        if (rounds < 1) {
            throw usage("--rounds: each strategy and policy runs at least once, not " + rounds + " times");
        }
        Placement placement = Placements.read(file, spec.commandLine());
        Replay replay = replay(placement);
        RegionUse use = placement.use();
        PrintWriter out = spec.commandLine().getOut();
        MeasureTable.head(placement).forEach(out::println);
        out.printf(
                "replay      %s and %s; %s measured%n",
                Text.count(use.smallPages(), "page") + " of 4K",
                Text.count(use.largeRegions(), "region") + " that are huge pages",
                Text.count(use.pairs(), "page pair"));
        out.printf(
                "host        %s of RAM up to 0x%x: the gigabytes of the placement, and room for page pairs%n%n",
                Text.bytes(replay.memory().ramBytes()), replay.memory().endHpa());
        out.flush();
        List<ReplayResult> results = runAll(replay);
        ReplayTable.lines(results, use.smallPages() + use.largeRegions()).forEach(out::println);
        out.println();
        ReplayTable.legend().forEach(out::println);
        List<String> findings = ReplayTable.findings(results);
        findings.forEach(spec.commandLine().getErr()::println);
        return findings.isEmpty() ? ExitCode.OK : Main.EXIT_FINDING;
    }

    private Replay replay(Placement placement) {
        try {
            return new Replay(placement, SeamcallProviderFactory.named(backend));
        } catch (IllegalArgumentException e) {
            throw usage(e.getMessage());
        }
    }

    private List<ReplayResult> runAll(Replay replay) {
        List<LockStrategy> chosenStrategies = strategies.isEmpty() ? LockStrategyConverter.builtIn() : strategies;
        List<ReclaimPolicy> chosenPolicies = policies.isEmpty() ? ReclaimPolicyConverter.builtIn() : policies;
        Map<String, ReplayResult> results = new LinkedHashMap<>();
        try {
            for (int round = 0; round < rounds; round++) {
                for (LockStrategy strategy : chosenStrategies) {
                    for (ReclaimPolicy policy : chosenPolicies) {
                        results.merge(
                                strategy.name() + " " + policy.name(), replay.run(strategy, policy), ReplayResult::and);
                    }
                }
            }
        } catch (IllegalArgumentException e) {
            throw usage(file + ": " + e.getMessage());
        }
        return List.copyOf(results.values());
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
