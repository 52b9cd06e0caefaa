package dev.pamt.lab;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.lab.experiment.TortureTrial;
import dev.pamt.lab.experiment.Trial;
import dev.pamt.lab.experiment.TrialSize;
import dev.pamt.lab.policy.PamtPolicies;
import dev.pamt.seamcall.decorator.FaultInjection;
import dev.pamt.seamcall.decorator.FaultPlan;
import dev.pamt.seamcall.decorator.SeamcallDecorator;
import java.time.Duration;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ./lab torture}: everything at once, with calls that fail, and nothing lost that has no name. */
@Command(
        name = "torture",
        description = {
            "TDs start and end in a loop; their guests take memory over while other threads convert, split, merge and punch holes,"
                    + " and a part of all SEAMCALLs fails. Manager and module are compared in the end.",
            ""
        },
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        sortOptions = false)
final class TortureCommand extends ExperimentCommand {
    @Option(
            names = "--for",
            paramLabel = "TIME",
            defaultValue = "5s",
            converter = DurationConverter.class,
            description = "How long each row runs, such as 500ms, 60s or 5m (default: 5s).")
    private Duration time;

    @Option(
            names = "--failures",
            paramLabel = "PERCENT",
            defaultValue = "1",
            description = "How many of all calls fail, each with an error that its leaf can have (default: 1).")
    private double failures;

    /** Of the host that was made last: a row has one host. */
    private FaultInjection faults;

    TortureCommand() {
        super(new Defaults(
                4,
                16L << 20,
                2,
                PamtPolicies.names().stream().filter(PamtPolicies::counts).toList(),
                List.of(LockStrategy.global(), LockStrategy.hashed(), LockStrategy.per2M()),
                List.of(ReclaimPolicy.eager(), ReclaimPolicy.keepIdle(16))));
    }

    @Override
    Trial newTrial(TrialSize size) {
        if (!(failures >= 0 && failures <= 100)) {
            throw usage("--failures is a percentage, 0 to 100, not " + failures);
        }
        return new TortureTrial(size, time, () -> faults);
    }

    @Override
    SeamcallDecorator decorator() {
        faults = new FaultInjection(
                FaultPlan.builder().rate(failures / 100, seed()).build());
        return faults;
    }

    /** It would take as long as the row itself. */
    @Override
    boolean warmsUp() {
        return false;
    }
}
