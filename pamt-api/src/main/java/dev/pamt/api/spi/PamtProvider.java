package dev.pamt.api.spi;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PamtManager;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.SeamcallPlatform;
import java.util.ServiceLoader;

/**
 * The implementation behind the API, found by {@link ServiceLoader}.
 *
 * <p><b>Thread-safety:</b> stateless; any thread may use it.
 */
public interface PamtProvider {
    /**
     * Starts a manager.
     *
     * @return a builder with nothing set
     */
    PamtManager.Builder managerBuilder();

    /**
     * Brings a module up, see {@link TdxHost#bringUp(SeamcallPlatform, MemoryMap)}.
     *
     * @param platform the machine
     * @param memory its memory map
     * @param dynamicPamt whether Dynamic PAMT is used if the module has it
     * @return the host
     */
    TdxHost bringUp(SeamcallPlatform platform, MemoryMap memory, boolean dynamicPamt);

    /**
     * The strategy with one lock for all regions.
     *
     * @return the strategy
     */
    LockStrategy global();

    /**
     * The strategy with a fixed number of locks.
     *
     * @param locks how many, a power of two
     * @return the strategy
     */
    LockStrategy hashed(int locks);

    /**
     * The strategy with a lock in each region's own word.
     *
     * @return the strategy
     */
    LockStrategy per2M();

    /**
     * The strategy with a number of locks that goes by the host's memory.
     *
     * @return the strategy
     */
    LockStrategy hashed();

    /**
     * A strategy by its name, see {@link LockStrategy#named}.
     *
     * @param text a name, and after a colon an argument
     * @return the strategy
     */
    LockStrategy lockStrategy(String text);

    /**
     * A policy by its name, see {@link ReclaimPolicy#named}.
     *
     * @param text a name, and after a colon an argument
     * @return the policy
     */
    ReclaimPolicy reclaimPolicy(String text);

    /**
     * The implementation on the module path or class path.
     *
     * @return the first one found
     * @throws IllegalStateException if there is none
     */
    static PamtProvider load() {
        return ServiceLoader.load(PamtProvider.class, PamtProvider.class.getClassLoader())
                .findFirst()
                .orElseThrow(() -> new IllegalStateException(
                        "no implementation of dev.pamt.api was found; add dev.pamt:pamt-impl to the dependencies"));
    }
}
