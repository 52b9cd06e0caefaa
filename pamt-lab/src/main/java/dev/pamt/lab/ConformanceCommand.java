package dev.pamt.lab;

import dev.pamt.lab.report.ConformanceTable;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.conformance.ComparisonRule;
import dev.pamt.seamcall.conformance.Conformance;
import dev.pamt.seamcall.conformance.JUnitReport;
import dev.pamt.seamcall.conformance.Litmus;
import dev.pamt.seamcall.conformance.Recording;
import dev.pamt.seamcall.conformance.ReplayResult;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
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
import picocli.CommandLine.Spec;

/** {@code ./lab conformance}: whether a SEAMCALL backend answers as the real module was recorded to. */
@Command(
        name = "conformance",
        description = {
            "Replays recordings of the real TDX module 1.5.25 against a SEAMCALL backend, and reports every difference.",
            ""
        },
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        showDefaultValues = false,
        sortOptions = false,
        footer = {
            "",
            "Exit code 1 on any difference, on a race that came out as it never did on the real module, or if nothing at all"
                    + " could be replayed."
        })
final class ConformanceCommand implements Callable<Integer> {
    private static final String SHIPPED = "";

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--backend",
            paramLabel = "NAME",
            defaultValue = "emulator",
            description = {"The SEAMCALL backend (default: emulator)."})
    private String backend;

    @Option(
            names = "--backend-option",
            paramLabel = "NAME=VALUE",
            description = "An option that the backend knows, besides those that the recordings set.")
    private Map<String, String> backendOptions = new LinkedHashMap<>();

    @Option(
            names = "--vectors",
            paramLabel = "DIR|FILE",
            arity = "1..*",
            description = {
                "Recordings to replay: .jsonl and .jsonl.gz files, or directories of them.",
                "Without this option: those that come with the lab."
            })
    private List<Path> vectors = new ArrayList<>();

    @Option(
            names = "--leave-out",
            paramLabel = "RULE",
            description = {
                "Leave something out of the comparison that no software can rely on:",
                "  stale_free_entry: what a former use has left in a free PAMT_2M entry"
            })
    private List<ComparisonRule> leftOut = new ArrayList<>();

    @Option(
            names = "--litmus",
            paramLabel = "DIR|FILE",
            arity = "0..1",
            fallbackValue = SHIPPED,
            description = {
                "Instead: run the recorded races of two processors, from a file, those in a directory, or",
                "those that come with the lab."
            })
    private String litmus;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "200",
            description = "How often each race is run (default: 200).")
    private int rounds;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "Decides which thread of a race starts by how much earlier (default: another each time).")
    private Long seed;

    @Option(names = "--junit", paramLabel = "FILE", description = "Write the results to a file as JUnit XML, for CI.")
    private Path junit;

    @Override
    public Integer call() throws IOException, InterruptedException {
        checkJUnit();
        SeamcallProviderFactory factory = factory();
        spec.commandLine().getOut().println("backend     " + factory.name() + ": " + factory.description());
        return litmus == null ? replay(factory) : race(factory);
    }

    private int replay(SeamcallProviderFactory factory) throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        Conformance conformance = Conformance.of(config -> open(factory, config));
        for (ComparisonRule rule : leftOut) {
            conformance = conformance.leavingOut(rule);
        }
        List<ReplayResult> results = new ArrayList<>();
        for (Recording recording : recordings()) {
            results.add(replay(conformance, recording));
        }
        out.println();
        ConformanceTable.files(results).forEach(out::println);
        out.println();
        ConformanceTable.coverage(results).forEach(out::println);
        List<String> skips = ConformanceTable.skips(results);
        if (!skips.isEmpty()) {
            out.println();
            skips.forEach(out::println);
        }
        if (junit != null) {
            JUnitReport.write(junit, factory.name(), results);
        }
        out.flush();
        PrintWriter err = spec.commandLine().getErr();
        results.stream().flatMap(result -> result.differences().stream()).forEach(err::println);
        if (results.stream().allMatch(ReplayResult::skipped)) {
            err.println(
                    "Nothing was replayed: every recording was skipped, for the reasons above. That is no success.");
            return Main.EXIT_FINDING;
        }
        return results.stream().allMatch(result -> result.passed() || result.skipped())
                ? ExitCode.OK
                : Main.EXIT_FINDING;
    }

    private ReplayResult replay(Conformance conformance, Recording recording) {
        try {
            return conformance.replay(recording);
        } catch (IllegalArgumentException e) {
            throw usage("--vectors: " + e.getMessage());
        }
    }

    private int race(SeamcallProviderFactory factory) throws IOException, InterruptedException {
        if (rounds < 1) {
            throw usage("--rounds: a race is run at least once, not " + rounds + " times");
        }
        PrintWriter out = spec.commandLine().getOut();
        long chosenSeed = seed == null ? System.nanoTime() : seed;
        out.println("seed        " + chosenSeed);
        Litmus runner = Litmus.of(config -> open(factory, config), rounds, chosenSeed);
        List<Litmus.Result> results = new ArrayList<>();
        for (Recording recording : races()) {
            for (String name : recording.litmusNames()) {
                results.add(race(runner, recording, name));
            }
        }
        out.println();
        ConformanceTable.races(results).forEach(out::println);
        if (junit != null) {
            JUnitReport.writeLitmus(junit, factory.name(), results);
        }
        out.flush();
        for (Litmus.Result result : results) {
            result.outside().forEach((outcome, times) -> spec.commandLine()
                    .getErr()
                    .printf("%s (%s): %d x %s%n", result.name(), result.about(), times, outcome));
        }
        return results.stream().allMatch(Litmus.Result::passed) ? ExitCode.OK : Main.EXIT_FINDING;
    }

    /** The recordings of races that were asked for; at least one. */
    private List<Recording> races() {
        if (litmus.equals(SHIPPED)) {
            return List.of(Recording.shippedLitmus());
        }
        List<Recording> races =
                read(Path.of(litmus)).stream().filter(Recording::isLitmus).toList();
        if (races.isEmpty()) {
            throw usage("--litmus " + litmus + ": has no races; replay it with --vectors");
        }
        return races;
    }

    private Litmus.Result race(Litmus runner, Recording recording, String name) throws InterruptedException {
        try {
            return runner.run(recording, name);
        } catch (IllegalArgumentException e) {
            throw usage("--litmus " + litmus + ": " + e.getMessage());
        }
    }

    private SeamcallProviderFactory factory() {
        try {
            return SeamcallProviderFactory.named(backend);
        } catch (IllegalArgumentException e) {
            throw usage("--backend " + backend + ": " + e.getMessage());
        }
    }

    private SeamcallPlatform open(SeamcallProviderFactory factory, PlatformConfig recorded) {
        PlatformConfig.Builder config = PlatformConfig.builder()
                .cmrs(recorded.cmrs())
                .processors(recorded.processors())
                .packages(recorded.packages());
        recorded.options().forEach(config::option);
        backendOptions.forEach(config::option);
        try {
            return factory.open(config.build());
        } catch (SeamcallUnavailableException e) {
            throw usage("--backend " + backend + ": " + e.getMessage());
        }
    }

    private List<Recording> recordings() {
        if (vectors.isEmpty()) {
            return Recording.shipped();
        }
        List<Recording> recordings = new ArrayList<>();
        for (Path path : vectors) {
            recordings.addAll(read(path));
        }
        return recordings;
    }

    private List<Recording> read(Path path) {
        try {
            return Recording.readAll(path);
        } catch (IOException e) {
            throw usage("cannot read recordings: " + (Files.exists(path) ? e.getMessage() : "there is no " + path));
        }
    }

    private void checkJUnit() {
        if (junit == null) {
            return;
        }
        Path directory = junit.toAbsolutePath().getParent();
        if (Files.isDirectory(junit) || directory == null || !Files.isWritable(directory)) {
            throw usage("--junit " + junit + ": a file in a directory that can be written to is needed");
        }
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
