package dev.pamt.seamcall.emulator.sept;

import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.td.OpState;
import java.util.Set;

/**
 * What a leaf that works on a guest address demands, and which locks it takes.
 *
 * @param opStates the operation states in which it may be called
 * @param lowestLevel the lowest level of entry
 * @param highestLevel the highest level of entry; {@link #ROOT} for that of the root
 * @param tdr how the root page of the TD is locked; if exclusively, nothing below it is
 * @param tree how the Secure EPT tree is locked
 * @param flag who may set bit 0 of the TDR operand
 */
record GpaRule(Set<OpState> opStates, int lowestLevel, int highestLevel, LockMode tdr, LockMode tree, Flag flag) {
    /** What bit 0 of the TDR operand is. */
    enum Flag {
        /** Part of the address, and therefore 0. */
        NONE,
        /** A flag. */
        FOR_ALL,
        /** A flag, but the TD must be one that the host may look into. */
        FOR_DEBUG
    }

    /** Up to the level of the root. */
    static final int ROOT = -1;

    static GpaRule sharing(Set<OpState> opStates, int lowestLevel, int highestLevel, LockMode tree) {
        return new GpaRule(opStates, lowestLevel, highestLevel, LockMode.SHARED, tree, Flag.NONE);
    }

    GpaRule with(Flag other) {
        return new GpaRule(opStates, lowestLevel, highestLevel, tdr, tree, other);
    }
}
