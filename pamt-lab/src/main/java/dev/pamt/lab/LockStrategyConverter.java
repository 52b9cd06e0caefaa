package dev.pamt.lab;

import dev.pamt.api.LockStrategy;
import java.util.List;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Lock strategies by name: the built-in ones, and those of factories on the module path or class path. */
final class LockStrategyConverter implements ITypeConverter<LockStrategy> {
    /** Enough that two of a hundred vCPUs seldom meet, and few enough to fit a page. */
    private static final int DEFAULT_LOCKS = 64;

    static List<LockStrategy> builtIn() {
        return List.of(LockStrategy.global(), LockStrategy.hashed(DEFAULT_LOCKS), LockStrategy.per2M());
    }

    @Override
    public LockStrategy convert(String name) {
        try {
            return LockStrategy.named(name);
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }
}
