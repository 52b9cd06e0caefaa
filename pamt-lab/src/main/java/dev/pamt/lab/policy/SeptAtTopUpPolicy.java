package dev.pamt.lab.policy;

import dev.pamt.api.PamtManager;

/**
 * A Secure EPT page is backed when a vCPU takes it from the host, and not when it is given to the module: a fault needs one pair at most then,
 * and tables that are never used hold pairs (proposed for Linux in the v5 series of Dynamic PAMT, and dropped again).
 */
final class SeptAtTopUpPolicy extends OnDemandPolicy {
    SeptAtTopUpPolicy(PamtManager manager) {
        super(PamtPolicies.SEPT_AT_TOP_UP, manager);
    }

    @Override
    public boolean backsSeptPagesAtTopUp() {
        return true;
    }

    @Override
    public int pairsForFault() {
        return 1;
    }
}
