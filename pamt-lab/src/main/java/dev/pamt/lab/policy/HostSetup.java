package dev.pamt.lab.policy;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.PamtManager;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.TdxHost;
import dev.pamt.lab.host.LabHost;

/**
 * What an experiment varies about a host: how transitions exclude each other, when an empty region loses its pair, and where pairs are given
 * and taken at all.
 *
 * <p>Immutable and thread-safe.
 *
 * @param strategy the lock strategy of the manager
 * @param reclaim the reclaim policy of the manager
 * @param policy the name of a policy, see {@link PamtPolicies}
 */
public record HostSetup(LockStrategy strategy, ReclaimPolicy reclaim, String policy) {
    /**
     * Makes a setup with the policy that the library is made for.
     *
     * @param strategy the lock strategy of the manager
     * @return a setup that reclaims eagerly
     */
    public static HostSetup of(LockStrategy strategy) {
        return new HostSetup(strategy, ReclaimPolicy.eager(), PamtPolicies.ON_DEMAND);
    }

    /**
     * Makes a host of one that was brought up. The caller closes its policy and its manager.
     *
     * @param host the host
     * @return a host that runs TDs
     */
    public LabHost open(TdxHost host) {
        PamtManager manager = PamtManager.builder()
                .host(host)
                .lockStrategy(strategy)
                .reclaimPolicy(reclaim)
                .build();
        return new LabHost(manager, PamtPolicies.newPolicy(policy, manager));
    }
}
