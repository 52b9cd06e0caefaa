package dev.pamt.impl;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.spi.LockStrategyFactory;
import dev.pamt.api.spi.ReclaimPolicyFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.function.BiFunction;

/** Strategies and policies by name: {@code name} or {@code name:argument}, whichever case, from all factories that are found. */
final class Named {
    private Named() {}

    static LockStrategy lockStrategy(String text) {
        List<Candidate<LockStrategy>> candidates = new ArrayList<>();
        for (LockStrategyFactory factory :
                ServiceLoader.load(LockStrategyFactory.class, Named.class.getClassLoader())) {
            candidates.add(new Candidate<>(factory.names(), factory::create));
        }
        return find("lock strategy", text, candidates);
    }

    static ReclaimPolicy reclaimPolicy(String text) {
        List<Candidate<ReclaimPolicy>> candidates = new ArrayList<>();
        for (ReclaimPolicyFactory factory :
                ServiceLoader.load(ReclaimPolicyFactory.class, Named.class.getClassLoader())) {
            candidates.add(new Candidate<>(factory.names(), factory::create));
        }
        return find("reclaim policy", text, candidates);
    }

    /** The number that an argument is. */
    static int number(String argument) {
        try {
            return Integer.parseInt(argument);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("'" + argument + "' is no number", e);
        }
    }

    private record Candidate<T>(List<String> names, BiFunction<String, String, T> factory) {}

    private static <T> T find(String what, String text, List<Candidate<T>> candidates) {
        // A report shows hashed(64), and that can be given here as well.
        String given = text.endsWith(")") ? text.substring(0, text.length() - 1).replaceFirst("\\(", ":") : text;
        int colon = given.indexOf(':');
        String name = colon < 0 ? given : given.substring(0, colon);
        List<String> all = new ArrayList<>();
        for (Candidate<T> candidate : candidates) {
            for (String known : candidate.names) {
                all.add(known);
                String bare = known.contains(":") ? known.substring(0, known.indexOf(':')) : known;
                if (bare.equalsIgnoreCase(name)) {
                    return create(text, bare, colon < 0 ? "" : given.substring(colon + 1), candidate);
                }
            }
        }
        throw new IllegalArgumentException("'" + text + "' is no " + what + "; there are " + String.join(", ", all));
    }

    private static <T> T create(String text, String name, String argument, Candidate<T> candidate) {
        try {
            return candidate.factory.apply(name, argument);
        } catch (IllegalArgumentException refused) {
            throw new IllegalArgumentException("'" + text + "': " + refused.getMessage(), refused);
        }
    }
}
