package dev.pamt.api.spi;

import dev.pamt.api.LockStrategy;
import java.util.List;

/**
 * Makes lock strategies by name, for {@link LockStrategy#named}; found by {@link java.util.ServiceLoader}.
 *
 * <p><b>Thread-safety:</b> stateless; any thread may use it.
 */
public interface LockStrategyFactory {
    /**
     * The names that this knows, with what comes after them: {@code hashed:N}.
     *
     * @return the names, without a colon or with one and a word for the argument
     */
    List<String> names();

    /**
     * Makes a strategy.
     *
     * @param name one of the names, up to the colon
     * @param argument what came after the colon; empty if nothing did
     * @return the strategy
     * @throws IllegalArgumentException if the argument is none for that strategy, with the rule
     */
    LockStrategy create(String name, String argument);
}
