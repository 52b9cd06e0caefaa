package dev.pamt.lab;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.lab.experiment.BootTrial;
import dev.pamt.lab.experiment.Trial;
import dev.pamt.lab.experiment.TrialSize;
import dev.pamt.lab.policy.PamtPolicies;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code ./lab boot}. */
@Command(
        name = "boot",
        description = {
            "Guests start in three ways: their memory comes as it is touched, is populated before, or is mapped before they run.",
            ""
        },
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        sortOptions = false)
final class BootCommand extends ExperimentCommand {
    BootCommand() {
        super(new Defaults(
                2, 512L << 20, 2, PamtPolicies.names(), List.of(LockStrategy.per2M()), List.of(ReclaimPolicy.eager())));
    }

    @Override
    Trial newTrial(TrialSize size) {
        return new BootTrial(size);
    }
}
