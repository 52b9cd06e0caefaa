package dev.pamt.lab.policy;

import dev.pamt.api.PamtManager;
import dev.pamt.lab.host.PamtPolicy;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;

/** The policies that the lab knows, by their names. Stateless; any thread may use it. */
public final class PamtPolicies {
    /** A pair for each region that holds 4K pages of the module, from the first to the last. */
    public static final String ON_DEMAND = "onDemand";

    /** Secure EPT pages are backed when a vCPU tops up its cache with them. */
    public static final String SEPT_AT_TOP_UP = "septAtTopUp";

    /** Guest memory is backed when it is populated. */
    public static final String POPULATE = "populate";

    /** All of the host's memory is backed from the first TD to the last. */
    public static final String FIRST_TD = "firstTd";

    /** On demand with locks by region, that do not cover the donated pages. */
    public static final String STRIPED = "striped";

    /** When the module says so. */
    public static final String LAZY = "lazy";

    private static final Map<String, Function<PamtManager, PamtPolicy>> BY_NAME = new LinkedHashMap<>();

    static {
        BY_NAME.put(ON_DEMAND, manager -> new OnDemandPolicy(ON_DEMAND, manager));
        BY_NAME.put(SEPT_AT_TOP_UP, SeptAtTopUpPolicy::new);
        BY_NAME.put(POPULATE, PopulatePolicy::new);
        BY_NAME.put(FIRST_TD, FirstTdPolicy::new);
        BY_NAME.put(STRIPED, manager -> new StripedPolicy(manager.host()));
        BY_NAME.put(LAZY, manager -> new LazyPolicy(manager.host()));
    }

    private PamtPolicies() {}

    /**
     * The names of all policies.
     *
     * @return the one that the library is made for first
     */
    public static List<String> names() {
        return List.copyOf(BY_NAME.keySet());
    }

    /**
     * Whether a policy works through the manager, so that lock strategies and reclaim policies make a difference to it.
     *
     * @param name its name
     * @return false for those that make ADD and REMOVE themselves
     */
    public static boolean usesManager(String name) {
        return !name.equals(LAZY) && !name.equals(STRIPED);
    }

    /**
     * Whether a policy keeps the promise that a page finds its pair, so that the module never refuses one.
     *
     * @param name its name
     * @return false for the lazy one
     */
    public static boolean counts(String name) {
        return !name.equals(LAZY);
    }

    /**
     * Finds a policy; upper and lower case are the same.
     *
     * @param name its name
     * @return its name as {@link #names} has it
     * @throws IllegalArgumentException if there is no such policy
     */
    public static String canonical(String name) {
        return BY_NAME.keySet().stream()
                .filter(known -> known.toLowerCase(Locale.ROOT).equals(name.toLowerCase(Locale.ROOT)))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "there is no policy " + name + "; there are: " + String.join(", ", BY_NAME.keySet())));
    }

    /**
     * Makes a policy.
     *
     * @param name a name of {@link #names}
     * @param manager the manager of the host
     * @return the policy
     */
    public static PamtPolicy newPolicy(String name, PamtManager manager) {
        return BY_NAME.get(canonical(name)).apply(manager);
    }
}
