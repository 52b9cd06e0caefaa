package dev.pamt.api.spi;

import dev.pamt.api.ReclaimPolicy;
import java.util.List;

/**
 * Makes reclaim policies by name, for {@link ReclaimPolicy#named}; found by {@link java.util.ServiceLoader}.
 *
 * <p><b>Thread-safety:</b> stateless; any thread may use it.
 */
public interface ReclaimPolicyFactory {
    /**
     * The names that this knows, with what comes after them: {@code keepIdle:N}.
     *
     * @return the names, without a colon or with one and a word for the argument
     */
    List<String> names();

    /**
     * Makes a policy.
     *
     * @param name one of the names, up to the colon
     * @param argument what came after the colon; empty if nothing did
     * @return the policy
     * @throws IllegalArgumentException if the argument is none for that policy, with the rule
     */
    ReclaimPolicy create(String name, String argument);
}
