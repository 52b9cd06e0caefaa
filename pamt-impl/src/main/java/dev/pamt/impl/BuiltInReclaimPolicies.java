package dev.pamt.impl;

import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.spi.ReclaimPolicyFactory;
import java.util.List;

/** The names of the built-in reclaim policies. */
public final class BuiltInReclaimPolicies implements ReclaimPolicyFactory {
    /** Makes the factory; called by the service loader. */
    public BuiltInReclaimPolicies() {}

    @Override
    public List<String> names() {
        return List.of("eager", "keepIdle:N");
    }

    @Override
    public ReclaimPolicy create(String name, String argument) {
        if (name.equals("keepIdle")) {
            return ReclaimPolicy.keepIdle(Named.number(argument));
        }
        if (!argument.isEmpty()) {
            throw new IllegalArgumentException("the policy takes no argument");
        }
        return ReclaimPolicy.eager();
    }
}
