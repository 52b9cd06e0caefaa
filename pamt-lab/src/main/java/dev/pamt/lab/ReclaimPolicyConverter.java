package dev.pamt.lab;

import dev.pamt.api.ReclaimPolicy;
import java.util.List;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reclaim policies by name: the built-in ones, and those of factories on the module path or class path. */
final class ReclaimPolicyConverter implements ITypeConverter<ReclaimPolicy> {
    private static final int DEFAULT_IDLE_REGIONS = 64;

    static List<ReclaimPolicy> builtIn() {
        return List.of(ReclaimPolicy.eager(), ReclaimPolicy.keepIdle(DEFAULT_IDLE_REGIONS));
    }

    @Override
    public ReclaimPolicy convert(String name) {
        try {
            return ReclaimPolicy.named(name);
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }
}
