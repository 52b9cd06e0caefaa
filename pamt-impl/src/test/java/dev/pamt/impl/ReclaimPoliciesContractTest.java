package dev.pamt.impl;

import dev.pamt.api.ReclaimPolicy;
import dev.pamt.tck.ReclaimPolicyContractTest;
import org.junit.jupiter.api.Nested;

/** The policies that names stand for do what every reclaim policy must do. */
class ReclaimPoliciesContractTest {
    @Nested
    class EagerTest extends ReclaimPolicyContractTest {
        @Override
        protected ReclaimPolicy policy() {
            return ReclaimPolicy.named("eager");
        }
    }

    @Nested
    class KeepIdleTest extends ReclaimPolicyContractTest {
        @Override
        protected ReclaimPolicy policy() {
            return ReclaimPolicy.named("keepIdle:64");
        }
    }
}
