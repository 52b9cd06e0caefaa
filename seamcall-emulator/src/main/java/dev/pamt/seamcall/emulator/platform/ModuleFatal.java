package dev.pamt.seamcall.emulator.platform;

import java.io.Serial;

/**
 * Leaves a handler from wherever the module found itself inconsistent, like its fatal_error(): nothing is undone, and
 * locks stay held. The dispatcher turns it into the shutdown of the module.
 */
public final class ModuleFatal extends RuntimeException {
    @Serial
    private static final long serialVersionUID = 1L;

    private final int id;

    /** Stops the module with the number that TDX module 1.5.25 gives this place. */
    public ModuleFatal(int id) {
        super("FATAL_ERROR_ID_" + id);
        this.id = id;
    }

    /** The number of the fatal error. */
    public int id() {
        return id;
    }

    /** Stops the module unless a condition holds that it cannot work without. */
    public static void unless(boolean condition, int id) {
        if (!condition) {
            throw new ModuleFatal(id);
        }
    }
}
