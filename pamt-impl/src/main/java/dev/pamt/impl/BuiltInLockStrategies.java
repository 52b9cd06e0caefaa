package dev.pamt.impl;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.spi.LockStrategyFactory;
import java.util.List;

/** The names of the built-in lock strategies. */
public final class BuiltInLockStrategies implements LockStrategyFactory {
    /** Makes the factory; called by the service loader. */
    public BuiltInLockStrategies() {}

    @Override
    public List<String> names() {
        return List.of("global", "hashed", "hashed:N", "per2M");
    }

    @Override
    public LockStrategy create(String name, String argument) {
        if (!argument.isEmpty() && !name.equals("hashed")) {
            throw new IllegalArgumentException("the strategy takes no argument");
        }
        return switch (name) {
            case "global" -> new LockStrategies.Global();
            case "per2M" -> new LockStrategies.Per2M();
            default ->
                argument.isEmpty()
                        ? new LockStrategies.HashedByMemory()
                        : new LockStrategies.Hashed(Named.number(argument));
        };
    }
}
