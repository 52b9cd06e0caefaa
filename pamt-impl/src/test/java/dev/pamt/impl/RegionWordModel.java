package dev.pamt.impl;

import dev.pamt.api.MemoryMap;
import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.ThreadIdGen;
import org.jetbrains.lincheck.datastructures.Validate;

/**
 * The moves of one word under Lincheck: users, the lock, the mark of the idle queue and the state, all of them changed at once. None
 * may disturb another, and each takes effect at one moment. Public because Lincheck asks for it.
 */
public final class RegionWordModel {
    private static final long HPA = 0x20_0000;

    private final RegionTable table = new RegionTable(
            MemoryMap.of(List.of(PhysicalRange.between(HPA, 3 * HPA))).ram());
    private final int[] words = table.words(HPA);
    private final int slot = RegionTable.slot(HPA);
    private final Region region = new Region(HPA, words, slot);
    private final int[] users = new int[4];
    private final boolean[] holds = new boolean[4];

    /** Makes an idle region. */
    public RegionWordModel() {
        region.setState(RegionWord.IDLE);
    }

    /** A get, and a failed attempt if the region is not backed. */
    @Operation
    public boolean add(@Param(gen = ThreadIdGen.class) int thread) {
        boolean counts = RegionWord.isBacked(region.addUsers(1));
        users[thread] += counts ? 1 : 0;
        return counts;
    }

    /** A put of one of the thread's users. */
    @Operation
    public boolean take(@Param(gen = ThreadIdGen.class) int thread) {
        if (users[thread] == 0) {
            return false;
        }
        users[thread]--;
        return Region.dropUsersIfAny(words, slot, 1) >= 0;
    }

    /** Failed attempts are wiped. */
    @Operation
    public void wipe() {
        region.wipeAttempts();
    }

    /** The lock: taken if free, given back if held. */
    @Operation
    public boolean lockOrUnlock(@Param(gen = ThreadIdGen.class) int thread) {
        boolean held = holds[thread];
        holds[thread] = !held && region.tryLockAndClaim(RegionWord.SAME) == Region.LOCKED;
        return held ? region.unlock(RegionWord.SAME) : holds[thread];
    }

    /** The lock, and out of idle with it. */
    @Operation
    public int lockAndClaim(@Param(gen = ThreadIdGen.class) int thread) {
        if (holds[thread]) {
            return -1;
        }
        int done = region.tryLockAndClaim(RegionWord.IDLE);
        holds[thread] = done != Region.HELD;
        return done;
    }

    /** Out of backed, by the holder of the lock. */
    @Operation
    public boolean leave(@Param(gen = ThreadIdGen.class) int thread) {
        return holds[thread] && region.claim(RegionWord.IDLE);
    }

    /** Into backed, by the holder of the lock. */
    @Operation
    public boolean comeBack(@Param(gen = ThreadIdGen.class) int thread) {
        boolean may = holds[thread] && !region.isBacked();
        if (may) {
            region.setState(RegionWord.IDLE);
        }
        return may;
    }

    /** Into backed with the give-back of the lock. */
    @Operation
    public boolean comeBackAndUnlock(@Param(gen = ThreadIdGen.class) int thread) {
        boolean may = holds[thread] && !region.isBacked();
        holds[thread] &= !may;
        return may && region.unlock(RegionWord.IDLE);
    }

    /** The mark of the idle queue: set by the thread that finds the region idle and the mark clear. */
    @Operation
    public boolean mark() {
        return Region.markQueued(words, slot);
    }

    /** The mark of the idle queue, cleared. */
    @Operation
    public void unmark() {
        Region.clearQueued(words, slot);
    }

    /** What the word says in the end. */
    @Validate
    public void theWordIsRight() {
        int word = region.word();
        int expected = 0;
        boolean locked = false;
        for (int thread = 0; thread < users.length; thread++) {
            expected += users[thread];
            locked |= holds[thread];
        }
        boolean usersAreRight = RegionWord.isBacked(word) ? RegionWord.users(word) == expected : expected == 0;
        if (!usersAreRight || ((word & RegionWord.LOCKED) != 0) != locked) {
            throw new AssertionError(String.format("0x%08x with %d users, locked: %b", word, expected, locked));
        }
    }
}
