package dev.pamt.seamcall;

import java.util.List;
import java.util.ServiceLoader;
import java.util.stream.Collectors;

/**
 * Opens a backend. Implementations are found by {@link ServiceLoader} and need a public constructor without arguments.
 *
 * <p><b>Thread-safety:</b> factories are stateless; any thread may use them.
 */
public interface SeamcallProviderFactory {
    /**
     * The name by which users choose this backend, such as {@code emulator}.
     *
     * @return a short name in lower case
     */
    String name();

    /**
     * What this backend is, in a phrase.
     *
     * @return one line of text
     */
    String description();

    /**
     * Opens a machine whose module has not been initialised yet.
     *
     * @param config what the machine is to look like
     * @return the machine; the caller closes it
     * @throws IllegalArgumentException if the backend cannot be that machine, or does not know an option
     * @throws SeamcallUnavailableException if the backend cannot be reached
     */
    SeamcallPlatform open(PlatformConfig config);

    /**
     * All backends on the module path and the class path.
     *
     * @return the factories, ordered by name
     */
    static List<SeamcallProviderFactory> all() {
        return ServiceLoader.load(SeamcallProviderFactory.class, SeamcallProviderFactory.class.getClassLoader())
                .stream()
                .map(ServiceLoader.Provider::get)
                .sorted((a, b) -> a.name().compareTo(b.name()))
                .toList();
    }

    /**
     * The backend of a name.
     *
     * @param name the name of a backend
     * @return its factory
     * @throws IllegalArgumentException if there is none; the message lists those that there are
     */
    static SeamcallProviderFactory named(String name) {
        List<SeamcallProviderFactory> all = all();
        return all.stream()
                .filter(factory -> factory.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no SEAMCALL backend is named '" + name + "'; there is "
                        + (all.isEmpty()
                                ? "none on the module path or class path"
                                : all.stream()
                                        .map(SeamcallProviderFactory::name)
                                        .collect(Collectors.joining(", ")))));
    }
}
