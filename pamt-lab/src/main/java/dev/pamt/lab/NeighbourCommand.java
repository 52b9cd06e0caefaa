package dev.pamt.lab;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.lab.experiment.NeighbourTrial;
import dev.pamt.lab.experiment.Trial;
import dev.pamt.lab.experiment.TrialSize;
import dev.pamt.lab.policy.PamtPolicies;
import java.time.Duration;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code ./lab neighbour}: what a TD that converts memory in a loop does to the faults of others. */
@Command(
        name = "neighbour",
        description = {
            "Victims fault their memory; a neighbour makes a page private and shared in a loop. How long the victims' faults take, alone"
                    + " and beside it.",
            ""
        },
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        sortOptions = false)
final class NeighbourCommand extends ExperimentCommand {
    @Option(
            names = "--for",
            paramLabel = "TIME",
            defaultValue = "3s",
            converter = DurationConverter.class,
            description = "How long the victims are measured, alone and again beside the neighbour (default: 3s).")
    private Duration time;

    NeighbourCommand() {
        super(new Defaults(
                2,
                64L << 20,
                1,
                List.of(PamtPolicies.ON_DEMAND),
                List.of(LockStrategy.global(), LockStrategy.hashed(), LockStrategy.per2M()),
                List.of(ReclaimPolicy.eager(), ReclaimPolicy.keepIdle(64))));
    }

    @Override
    Trial newTrial(TrialSize size) {
        if (size.tds() < 2) {
            throw usage("a neighbour needs a victim: at least 2 TDs, not " + size.tds());
        }
        return new NeighbourTrial(size, time);
    }

    /** It would take as long as the row itself. */
    @Override
    boolean warmsUp() {
        return false;
    }
}
