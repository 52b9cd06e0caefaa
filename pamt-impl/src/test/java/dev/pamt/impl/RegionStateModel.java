package dev.pamt.impl;

import dev.pamt.api.MemoryMap;
import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.ThreadIdGen;
import org.jetbrains.lincheck.datastructures.Validate;

/**
 * The store of a state under Lincheck: it wipes failed attempts, and neither the lock's bits, which a waiter may be setting,
 * nor the mark of the idle queue. Public because Lincheck asks for it.
 */
public final class RegionStateModel {
    private static final long HPA = 0x20_0000;
    private static final int FREE = 0;
    private static final int LOCKED = 1;

    private final RegionTable table = new RegionTable(
            MemoryMap.of(List.of(PhysicalRange.between(HPA, 2 * HPA))).ram());
    private final int[] words = table.words(HPA);
    private final int slot = RegionTable.slot(HPA);
    private final boolean[] holds = new boolean[4];
    private boolean marked;

    /** Makes an empty region. */
    public RegionStateModel() {}

    /** Stores the state that the word has, as a getter does that gives up. */
    @Operation
    public void store() {
        RegionTable.setState(words, slot, RegionWord.EMPTY);
    }

    /** A get that fails. */
    @Operation
    public boolean attempt() {
        return RegionWord.isBacked(RegionTable.faa(words, slot, RegionWord.USER));
    }

    /** The lock's bits: taken if free, given back if held. */
    @Operation
    public boolean lockOrUnlock(@Param(gen = ThreadIdGen.class) int thread) {
        boolean done = table.compareAndSet(
                RegionTable.regionOf(HPA), holds[thread] ? LOCKED : FREE, holds[thread] ? FREE : LOCKED);
        holds[thread] ^= done;
        return done;
    }

    /** The mark of the idle queue. */
    @Operation
    public void mark() {
        int seen = RegionTable.lv(words, slot);
        while (RegionTable.cae(words, slot, seen, seen | RegionWord.QUEUED) != seen) {
            seen = RegionTable.lv(words, slot);
        }
        marked = true;
    }

    /** What the word says in the end. */
    @Validate
    public void nothingWasDisturbed() {
        int word = RegionTable.lv(words, slot);
        boolean locked = false;
        for (boolean held : holds) {
            locked |= held;
        }
        if (RegionWord.state(word) != RegionWord.EMPTY
                || (word & RegionWord.LOCK_BITS) != (locked ? LOCKED : FREE)
                || ((word & RegionWord.QUEUED) != 0) != marked) {
            throw new AssertionError(String.format("0x%08x", word));
        }
    }
}
