package dev.pamt.seamcall;

import java.util.Optional;

/**
 * A machine with a TDX module: its logical processors, its memory and its key ids.
 *
 * <p>A SEAMCALL runs on a logical processor, and for some leaves (SYS.LP.INIT, VP.INIT, VP.ENTER) it matters on which;
 * hence a provider for each. For all others any of them will do.
 *
 * <p><b>Thread-safety:</b> all methods may be called by any thread at any time.
 */
public interface SeamcallPlatform extends AutoCloseable {
    /**
     * The number of logical processors.
     *
     * @return at least 1
     */
    int processors();

    /**
     * The SEAMCALL instruction of one logical processor.
     *
     * @param index the processor, from 0
     * @return its provider; the same object each time
     * @throws IndexOutOfBoundsException if there is no such processor
     */
    SeamcallProvider processor(int index);

    /**
     * The number of packages (sockets).
     *
     * @return at least 1
     */
    int packages();

    /**
     * The package of a logical processor.
     *
     * @param processor the processor, from 0
     * @return the package, from 0
     * @throws IndexOutOfBoundsException if there is no such processor
     */
    int packageOf(int processor);

    /**
     * Physical memory as the host reaches it.
     *
     * @return the memory; {@link PhysicalMemory#none()} if the backend has none
     */
    PhysicalMemory memory();

    /**
     * The lowest key id that is private to TDX. The host uses it as the module's global key.
     *
     * @return the first private HKID
     */
    int firstPrivateHkid();

    /**
     * The number of private key ids.
     *
     * @return how many private HKIDs there are, from {@link #firstPrivateHkid()} on
     */
    int privateHkids();

    /**
     * Finds what a backend can do beyond what every backend does. {@code dev.pamt.seamcall.harness.ModuleInspection} is one such
     * thing: what a test harness can do with the module beyond calling it.
     *
     * @param <T> the type of the extension
     * @param type its class
     * @return empty unless the backend offers it
     */
    default <T> Optional<T> extension(Class<T> type) {
        return Optional.empty();
    }

    /** Lets the machine go. Calling it again does nothing. */
    @Override
    void close();
}
