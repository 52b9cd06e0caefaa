package dev.pamt.seamcall.emulator;

import dev.pamt.seamcall.SeamcallLeaf;
import java.util.Objects;

/**
 * Why an emulated module has shut down: it found itself inconsistent, as the real one would have.
 *
 * <p>State left: the locks of the call stay held, and every later call is answered {@link
 * dev.pamt.seamcall.SeamcallUnavailableException}. Immutable and thread-safe.
 *
 * @param id the number of the fatal error in TDX module 1.5.25, such as 343 for PAMT.REMOVE beside a release that is still
 *     going on
 * @param leaf the leaf that was running
 * @param processor the logical processor that it was running on
 */
public record FatalError(int id, SeamcallLeaf leaf, int processor) {
    /**
     * Makes a fatal error.
     *
     * @param id the number of the fatal error
     * @param leaf the leaf that was running
     * @param processor the logical processor
     */
    public FatalError {
        Objects.requireNonNull(leaf, "leaf");
    }
}
