package dev.pamt.lab;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.lab.experiment.RebootTrial;
import dev.pamt.lab.experiment.Trial;
import dev.pamt.lab.experiment.TrialSize;
import dev.pamt.lab.policy.PamtPolicies;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code ./lab reboot}. */
@Command(
        name = "reboot",
        description = {
            "Guests start, end, and start again on the same memory: what a policy saves the second time, and what it holds in between.",
            ""
        },
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        sortOptions = false)
final class RebootCommand extends ExperimentCommand {
    RebootCommand() {
        super(new Defaults(
                2,
                512L << 20,
                2,
                PamtPolicies.names(),
                List.of(LockStrategy.per2M()),
                List.of(ReclaimPolicy.eager(), ReclaimPolicy.keepIdle(1024))));
    }

    @Override
    Trial newTrial(TrialSize size) {
        return new RebootTrial(size);
    }
}
