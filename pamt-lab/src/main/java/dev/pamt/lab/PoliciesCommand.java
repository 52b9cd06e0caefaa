package dev.pamt.lab;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.lab.experiment.PolicyTrial;
import dev.pamt.lab.experiment.Trial;
import dev.pamt.lab.experiment.TrialSize;
import dev.pamt.lab.policy.PamtPolicies;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code ./lab policies}: what each policy takes in memory and asks of the module. */
@Command(
        name = "policies",
        description = {
            "Guests start, convert memory back and forth, and end: the memory that each policy takes at each of these moments, and"
                    + " the SEAMCALLs that it makes.",
            ""
        },
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        sortOptions = false)
final class PoliciesCommand extends ExperimentCommand {
    PoliciesCommand() {
        super(new Defaults(
                4,
                256L << 20,
                2,
                PamtPolicies.names(),
                List.of(LockStrategy.per2M()),
                List.of(ReclaimPolicy.eager(), ReclaimPolicy.keepIdle(64))));
    }

    @Override
    Trial newTrial(TrialSize size) {
        return new PolicyTrial(size);
    }
}
