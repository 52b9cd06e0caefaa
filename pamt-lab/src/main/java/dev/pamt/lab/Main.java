package dev.pamt.lab;

import java.io.PrintWriter;
import java.lang.module.ModuleDescriptor;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The program {@code ./lab}. */
@Command(
        name = "lab",
        description = "Experiments with Dynamic PAMT on an emulated TDX host, and the test of SEAMCALL backends.",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        subcommands = {
            StormCommand.class,
            PoliciesCommand.class,
            BootCommand.class,
            RebootCommand.class,
            SplitCommand.class,
            NeighbourCommand.class,
            TortureCommand.class,
            MeasureCommand.class,
            ReplayCommand.class,
            FootprintCommand.class,
            ConformanceCommand.class,
            HelpCommand.class
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:all is well",
            "1:something was found: a leak, a call that failed, a difference",
            "2:wrong usage",
            "3:a right is missing, and only a part could be measured"
        },
        footer = {"", "The main job:  ./lab storm"})
public final class Main implements Callable<Integer> {
    /** Something that should not be was found, or the run failed. */
    static final int EXIT_FINDING = 1;

    /** A measurement is incomplete for want of a right. */
    static final int EXIT_RIGHT_MISSING = 3;

    @Spec
    private CommandSpec spec;

    /** Makes the program. */
    public Main() {}

    /**
     * Runs the program and ends the process with its exit code.
     *
     * @param args the command line
     */
    public static void main(String[] args) {
        System.exit(commandLine().execute(args));
    }

    /** The program, ready to be executed. */
    static CommandLine commandLine() {
        return new CommandLine(new Main())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUsageHelpAutoWidth(true)
                .setParameterExceptionHandler(Main::explain)
                .setExecutionExceptionHandler((failure, command, parsed) -> {
                    failure.printStackTrace(command.getErr());
                    return EXIT_FINDING;
                });
    }

    @Override
    public Integer call() {
        spec.commandLine().usage(spec.commandLine().getOut());
        return CommandLine.ExitCode.OK;
    }

    private static int explain(ParameterException failure, String[] args) {
        CommandLine command = failure.getCommandLine();
        PrintWriter err = command.getErr();
        err.println(command.getColorScheme().errorText(failure.getMessage()));
        UnmatchedArgumentException.printSuggestions(failure, err);
        err.println("Try: ./" + command.getCommandSpec().qualifiedName() + " --help");
        return CommandLine.ExitCode.USAGE;
    }

    /** Returns the version that the build has given to the module. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"lab " + ofLab(), "Java " + Runtime.version()};
        }

        static String ofLab() {
            return Optional.ofNullable(Main.class.getModule().getDescriptor())
                    .flatMap(ModuleDescriptor::rawVersion)
                    .orElse("(not packaged)");
        }
    }
}
