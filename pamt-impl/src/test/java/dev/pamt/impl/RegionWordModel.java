package dev.pamt.impl;

import dev.pamt.api.MemoryMap;
import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.ThreadIdGen;
import org.jetbrains.lincheck.datastructures.Validate;

/**
 * One word under Lincheck: users, the lock's bits, the mark of the idle queue and the tag, all of them changed at once.
 * None may disturb another. Public because Lincheck asks for it.
 */
public final class RegionWordModel {
    private static final int FREE = 0;
    private static final int LOCKED = 1;

    private final RegionTable table = new RegionTable(
            MemoryMap.of(List.of(PhysicalRange.between(0x20_0000, 0x60_0000))).ram());
    private final int[] words = table.words(0x20_0000);
    private final int slot = RegionTable.slot(0x20_0000);
    private final int[] users = new int[4];
    private final boolean[] holds = new boolean[4];
    private boolean marked;

    /** Makes an idle region. */
    public RegionWordModel() {
        RegionTable.setState(words, slot, RegionWord.IDLE);
    }

    /** The fast get. */
    @Operation
    public boolean add(@Param(gen = ThreadIdGen.class) int thread) {
        int before = RegionTable.faa(words, slot, RegionWord.USER);
        users[thread]++;
        return RegionWord.isBacked(before);
    }

    /** The put. */
    @Operation
    public boolean take(@Param(gen = ThreadIdGen.class) int thread) {
        if (users[thread] == 0) {
            return false;
        }
        int seen = RegionTable.lv(words, slot);
        while (true) {
            int witness = RegionTable.cae(words, slot, seen, seen - RegionWord.USER);
            if (witness == seen) {
                users[thread]--;
                return RegionWord.covers(seen, 1);
            }
            seen = witness;
        }
    }

    /** The bits of per2M: taken if free, given back if held. */
    @Operation
    public boolean lockOrUnlock(@Param(gen = ThreadIdGen.class) int thread) {
        boolean done = table.compareAndSet(1, holds[thread] ? LOCKED : FREE, holds[thread] ? FREE : LOCKED);
        holds[thread] ^= done;
        return done;
    }

    /** The mark of the idle queue: set by whoever finds it clear. */
    @Operation
    public boolean mark() {
        int seen = RegionTable.lv(words, slot);
        while ((seen & RegionWord.QUEUED) == 0) {
            int witness = RegionTable.cae(words, slot, seen, seen | RegionWord.QUEUED);
            if (witness == seen) {
                marked = true;
                return true;
            }
            seen = witness;
        }
        return false;
    }

    /** What the word says in the end. */
    @Validate
    public void nothingWasDisturbed() {
        int word = RegionTable.lv(words, slot);
        int expected = 0;
        boolean locked = false;
        for (int thread = 0; thread < users.length; thread++) {
            expected += users[thread];
            locked |= holds[thread];
        }
        if (RegionWord.state(word) != RegionWord.IDLE
                || RegionWord.users(word) != expected
                || (word & RegionWord.LOCK_BITS) != (locked ? LOCKED : FREE)
                || ((word & RegionWord.QUEUED) != 0) != marked) {
            throw new AssertionError(String.format("0x%08x", word));
        }
    }
}
