package dev.pamt.lab;

import dev.pamt.lab.io.WholeFile;
import dev.pamt.lab.measure.KvmVm;
import dev.pamt.lab.measure.MeasuredCommand;
import dev.pamt.lab.measure.Measurement;
import dev.pamt.lab.measure.Placement;
import dev.pamt.lab.measure.PlacementFile;
import dev.pamt.lab.measure.ProcFs;
import dev.pamt.lab.measure.ProcessEndedException;
import dev.pamt.lab.measure.ProcessScan;
import dev.pamt.lab.report.MeasureReport;
import dev.pamt.lab.report.MeasureTable;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code ./lab measure}: what page metadata a process of this machine would need if its memory were that of a TD. */
@Command(
        name = "measure",
        customSynopsis = {
            "lab measure --pid PID | --process NAME [--watch[=SECONDS] [--samples N]] [--record FILE] [--json FILE]",
            "lab measure [--after SECONDS] [--interval SECONDS] [--record FILE] [--json FILE] -- COMMAND...",
            "lab measure PLACEMENT [--json FILE]"
        },
        description = {
            "Reads where the pages of a process or VM lie in physical memory, and says which page pairs they would need.",
            ""
        },
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        showDefaultValues = false,
        sortOptions = false,
        footer = {
            "",
            "Physical addresses need CAP_SYS_ADMIN, the kinds of pages root or CAP_DAC_READ_SEARCH. Without them a part is"
                    + " measured, and the exit code is 3."
        })
final class MeasureCommand implements Callable<Integer> {
    private static final String THIS_MACHINE = "/";
    private static final double MOST_SECONDS = 1e6;
    private static final double DEFAULT_INTERVAL = 0.1;

    @Spec
    private CommandSpec spec;

    @Option(names = "--pid", paramLabel = "PID", description = "The process of a number.")
    private Long pid;

    @Option(names = "--process", paramLabel = "NAME", description = "The one process of a name, as ps shows it.")
    private String process;

    @Parameters(
            paramLabel = "PLACEMENT | -- COMMAND",
            arity = "0..*",
            description = {
                "A placement file that --record has written,",
                "or after -- a command to run: it is measured when its memory is largest."
            })
    private List<String> operands = new ArrayList<>();

    @Option(
            names = "--watch",
            paramLabel = "SECONDS",
            arity = "0..1",
            fallbackValue = "2",
            description =
                    "Measure again and again, a line each time, until the process ends (default: every 2 seconds).")
    private Double watch;

    @Option(names = "--samples", paramLabel = "N", description = "With --watch: stop after so many lines.")
    private Integer samples;

    @Option(
            names = "--after",
            paramLabel = "SECONDS",
            description = "With a command: measure it after so long, and end it.")
    private Double after;

    @Option(
            names = "--interval",
            paramLabel = "SECONDS",
            description = "With a command: how often its memory is looked at (default: 0.1).")
    private Double interval;

    @Option(
            names = "--record",
            paramLabel = "FILE",
            description = "Write the pages in their order to a placement file, for ./lab measure and ./lab replay.")
    private Path record;

    @Option(names = "--json", paramLabel = "FILE", description = "Write the results to a file, for machines.")
    private Path json;

    @Option(
            names = "--root",
            paramLabel = "DIR",
            defaultValue = THIS_MACHINE,
            description = "The directory that has proc and sys (default: /).")
    private Path root;

    @Override
    public Integer call() throws IOException, InterruptedException {
        checkOptions();
        try {
            if (isCommand()) {
                return measureCommand();
            }
            return operands.isEmpty() ? measureProcess() : measureFile();
        } catch (ProcessEndedException e) {
            spec.commandLine().getErr().println(e.getMessage() + " before it could be measured");
            return Main.EXIT_FINDING;
        }
    }

    private int measureFile() throws IOException {
        Placement placement = Placements.read(Path.of(operands.get(0)), spec.commandLine());
        return report(Measurement.of(placement), List.of());
    }

    private int measureProcess() throws IOException, InterruptedException {
        ProcFs proc = new ProcFs(root);
        long chosen = choose(proc);
        if (watch != null) {
            return watch(proc, chosen);
        }
        Measurement measurement = look(proc, chosen);
        return report(measurement, proc.kvmVms(chosen));
    }

    private int measureCommand() throws IOException, InterruptedException {
        Duration time = after == null
                ? seconds("--interval", interval == null ? DEFAULT_INTERVAL : interval)
                : seconds("--after", after);
        try (MeasuredCommand command = start()) {
            Measurement measurement = after == null ? command.atPeak(time) : command.after(time);
            spec.commandLine().getOut().println("command     " + command.status());
            return report(measurement, new ProcFs(root).kvmVms(measurement.pid()));
        }
    }

    private MeasuredCommand start() {
        try {
            return MeasuredCommand.start(operands);
        } catch (IOException e) {
            throw usage("the command cannot be started: " + e.getMessage());
        }
    }

    /** Looks at a process until it ends, the number of lines is reached, or this program is interrupted. */
    private int watch(ProcFs proc, long chosen) throws IOException, InterruptedException {
        Duration pause = seconds("--watch", watch);
        PrintWriter out = spec.commandLine().getOut();
        Looks looks = new Looks();
        Measurement measurement = look(proc, chosen);
        Thread whenInterrupted = new Thread(() -> writeWhenInterrupted(looks), "files of the watch");
        Runtime.getRuntime().addShutdownHook(whenInterrupted);
        MeasureTable.head(measurement).stream().limit(1).forEach(out::println);
        printLacks(measurement);
        out.println();
        MeasureTable.watchHeading().forEach(out::println);
        int exitCode = exitCode(measurement);
        long start = System.nanoTime();
        long nanos = 0;
        for (int taken = 1; measurement.residentPages() > 0; taken++) {
            out.println(MeasureTable.watchRow(nanos, measurement));
            out.flush();
            looks.add(new MeasureReport.Sample(nanos, measurement, proc.kvmVms(chosen)), json != null);
            if (samples != null && taken == samples) {
                break;
            }
            Thread.sleep(pause.toMillis());
            nanos = System.nanoTime() - start;
            measurement = lookAgain(proc, chosen);
        }
        if (measurement.residentPages() == 0) {
            out.println("process " + chosen + " has ended");
        }
        Runtime.getRuntime().removeShutdownHook(whenInterrupted);
        write(looks);
        printFiles(looks.placement());
        return exitCode;
    }

    private void writeWhenInterrupted(Looks looks) {
        try {
            write(looks);
        } catch (IOException e) {
            spec.commandLine().getErr().println("the files could not be written: " + e.getMessage());
        }
    }

    private Measurement look(ProcFs proc, long chosen) throws IOException {
        Measurement measurement = ProcessScan.of(proc, chosen);
        if (measurement.residentPages() == 0) {
            throw usage("process " + chosen + " (" + measurement.name()
                    + ") has no memory of its own: it is a kernel thread, or has ended");
        }
        return measurement;
    }

    /** Looks at a process that may have ended, and then has no resident memory. */
    private static Measurement lookAgain(ProcFs proc, long chosen) throws IOException {
        try {
            return ProcessScan.of(proc, chosen);
        } catch (ProcessEndedException e) {
            return new Measurement(chosen, "", 0, 0, Optional.empty(), Optional.empty(), List.of());
        }
    }

    private int report(Measurement measurement, List<KvmVm> vms) throws IOException {
        long ramPages = new ProcFs(root).ramPages();
        PrintWriter out = spec.commandLine().getOut();
        MeasureTable.head(measurement).forEach(out::println);
        MeasureTable.kvm(vms).forEach(out::println);
        if (vms.isEmpty() && new ProcFs(root).hasVm(measurement.pid())) {
            out.println(
                    "kvm         it has a VM, whose counters in /sys/kernel/debug/kvm cannot be read: they need root and debugfs");
        }
        MeasureTable.host(ramPages).forEach(out::println);
        printLacks(measurement);
        out.println();
        MeasureTable.lines(measurement, ramPages).forEach(out::println);
        Looks looks = new Looks();
        looks.add(new MeasureReport.Sample(0, measurement, vms), true);
        write(looks);
        printFiles(looks.placement());
        return exitCode(measurement);
    }

    private void printLacks(Measurement measurement) {
        measurement.lacks().forEach(spec.commandLine().getErr()::println);
        if (record != null && measurement.placement().isEmpty()) {
            spec.commandLine()
                    .getErr()
                    .println("--record " + record + ": not written, a placement file has physical addresses");
        }
    }

    private static int exitCode(Measurement measurement) {
        return measurement.lacks().isEmpty() ? ExitCode.OK : Main.EXIT_RIGHT_MISSING;
    }

    private void write(Looks looks) throws IOException {
        Optional<Placement> last = looks.placement();
        if (record != null && last.isPresent()) {
            PlacementFile.write(record, last.get());
        }
        if (json != null) {
            new MeasureReport(Main.Version.ofLab(), new ProcFs(root).ramPages(), looks.samples()).write(json);
        }
    }

    private void printFiles(Optional<Placement> last) {
        PrintWriter out = spec.commandLine().getOut();
        if (record != null && last.isPresent()) {
            out.printf("%nplacement written to %s%n", record);
        }
        if (json != null) {
            out.printf("%nresults written to %s%n", json);
        }
    }

    private long choose(ProcFs proc) throws IOException {
        if (pid != null) {
            if (!proc.has(pid)) {
                throw usage("--pid " + pid + ": there is no such process");
            }
            return pid;
        }
        List<Long> found = proc.named(process).stream()
                .filter(candidate -> candidate != ProcessHandle.current().pid() || !isThisMachine())
                .toList();
        if (found.isEmpty()) {
            throw usage("--process " + process + ": no process has that name");
        }
        if (found.size() > 1) {
            throw usage("--process " + process + ": " + found.size() + " processes have that name, " + found
                    + "; choose one with --pid");
        }
        return found.get(0);
    }

    private boolean isThisMachine() {
        return root.equals(Path.of(THIS_MACHINE));
    }

    /** Whether the operands come after {@code --}. */
    private boolean isCommand() {
        return !operands.isEmpty()
                && spec.commandLine().getParseResult().originalArgs().contains("--");
    }

    private void checkOptions() {
        int subjects = (pid == null ? 0 : 1) + (process == null ? 0 : 1) + (operands.isEmpty() ? 0 : 1);
        if (subjects != 1) {
            throw usage("one thing is measured: --pid PID, --process NAME, a placement file, or -- COMMAND; "
                    + (subjects == 0 ? "none was given" : subjects + " were given"));
        }
        boolean isCommand = isCommand();
        boolean isFile = !operands.isEmpty() && !isCommand;
        if (isFile && operands.size() > 1) {
            throw usage("one placement file is read, not " + operands.size() + ": " + operands
                    + "; a command comes after --");
        }
        refuse(
                isFile && record != null,
                "--record",
                "pages of a process; " + operands + " is a placement file already");
        refuse(!operands.isEmpty() && watch != null, "--watch", "--pid or --process");
        refuse(watch == null && samples != null, "--samples", "--watch");
        refuse(!isCommand && after != null, "--after", "a command");
        refuse(!isCommand && interval != null, "--interval", "a command");
        refuse(after != null && interval != null, "--interval", "a command without --after");
        refuse(isCommand && !isThisMachine(), "--root", "processes that run already");
        if (samples != null && samples < 1) {
            throw usage("--samples: at least 1 look is taken, not " + samples);
        }
        checkFile("--record", record);
        checkFile("--json", json);
    }

    private void refuse(boolean contradicts, String option, String goesWith) {
        if (contradicts) {
            throw usage(option + " goes with " + goesWith);
        }
    }

    private void checkFile(String option, Path file) {
        if (file != null && !WholeFile.isPossible(file)) {
            throw usage(option + " " + file + ": a file in a directory that can be written to is needed");
        }
    }

    private Duration seconds(String option, double value) {
        if (!(value > 0 && value <= MOST_SECONDS)) {
            throw usage(option + ": a number of seconds above 0 and up to 1000000 is needed, not " + value);
        }
        return Duration.ofNanos((long) (value * 1e9));
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    /** The looks so far, of which only the last one has its pages. Thread-safe. */
    private static final class Looks {
        private final List<MeasureReport.Sample> samples = new ArrayList<>();
        private Optional<Placement> placement = Optional.empty();

        synchronized void add(MeasureReport.Sample sample, boolean keep) {
            placement = sample.measurement().placement();
            if (keep) {
                samples.add(new MeasureReport.Sample(
                        sample.nanos(), sample.measurement().withoutPages(), sample.vms()));
            }
        }

        synchronized List<MeasureReport.Sample> samples() {
            return List.copyOf(samples);
        }

        synchronized Optional<Placement> placement() {
            return placement;
        }
    }
}
