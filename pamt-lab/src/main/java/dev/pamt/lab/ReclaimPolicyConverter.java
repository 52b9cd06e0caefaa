package dev.pamt.lab;

import dev.pamt.api.ReclaimPolicy;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads the name of a reclaim policy. */
final class ReclaimPolicyConverter implements ITypeConverter<ReclaimPolicy> {
    @Override
    public ReclaimPolicy convert(String text) {
        try {
            return ReclaimPolicy.named(text);
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }
}
