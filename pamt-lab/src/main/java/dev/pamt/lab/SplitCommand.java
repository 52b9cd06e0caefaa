package dev.pamt.lab;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.lab.experiment.SplitTrial;
import dev.pamt.lab.experiment.Trial;
import dev.pamt.lab.experiment.TrialSize;
import dev.pamt.lab.policy.PamtPolicies;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code ./lab split}. */
@Command(
        name = "split",
        description = {
            "2M-backed guests are split, page by page for conversions and as a whole for dirty logging, with pairs that are reserved and with a shared cache.",
            ""
        },
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        sortOptions = false)
final class SplitCommand extends ExperimentCommand {
    SplitCommand() {
        super(new Defaults(
                2,
                256L << 20,
                2,
                List.of(PamtPolicies.ON_DEMAND),
                List.of(LockStrategy.global(), LockStrategy.hashed(), LockStrategy.per2M()),
                List.of(ReclaimPolicy.eager())));
    }

    @Override
    Trial newTrial(TrialSize size) {
        return new SplitTrial(size);
    }
}
