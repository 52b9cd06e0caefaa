package dev.pamt.impl;

import dev.pamt.api.MemoryMap;
import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/**
 * The moves of one word under Lincheck: users, puts without a get, failed attempts, the lock, the mark of the idle queue and the state, all of them
 * changed at once. Each takes effect at one moment: what it returns is so in some order of the moves. Public because Lincheck asks
 * for it.
 */
@Param(name = "begin", gen = IntGen.class, conf = "0:2")
public final class RegionWordModel {
    private static final long HPA = 0x20_0000;

    private final RegionTable table = new RegionTable(
            MemoryMap.of(List.of(PhysicalRange.between(HPA, 3 * HPA))).ram());
    private final int[] words = table.words(HPA);
    private final int slot = RegionTable.slot(HPA);
    private final Region region = new Region(HPA, words, slot);

    /** Makes an idle region. */
    public RegionWordModel() {
        region.setState(RegionWord.IDLE);
    }

    /** A get of one page, or a failed attempt; returns what it has found. */
    @Operation
    public int add() {
        return found(Region.addUser(words, slot));
    }

    /** A put of one page, with a get or without; returns what it has found. */
    @Operation
    public int take() {
        return found(Region.dropUser(words, slot));
    }

    /** A get of a range; returns what it has found. */
    @Operation
    public int addRange() {
        return found(region.addUsersIfRoom(2));
    }

    /** A put of a range; returns what it has found, or that it was not enough. */
    @Operation
    public int takeRange() {
        int before = Region.dropUsersIfAny(words, slot, 2);
        return RegionWord.covers(before, 2) ? RegionWord.users(before) : -1;
    }

    private static int found(int word) {
        return RegionWord.isBacked(word) ? RegionWord.users(word) : RegionWord.state(word);
    }

    /** Failed attempts are wiped. */
    @Operation
    public int wipe() {
        region.wipeAttempts();
        return 0;
    }

    /** Out of idle. */
    @Operation
    public boolean claim() {
        return region.claim(RegionWord.IDLE);
    }

    /** Out of backed with exactly one user. */
    @Operation
    public boolean leaveWithOne() {
        return region.leaveBacked(1, RegionWord.UNKNOWN);
    }

    /** Into backed with one user. */
    @Operation
    public int comeBack() {
        region.setState(RegionWord.backed(1));
        return 0;
    }

    /** The lock, if it is free, and out of idle with it or not. */
    @Operation
    public int lock(@Param(name = "begin") int begin) {
        return region.tryLockAndClaim(begin == 0 ? RegionWord.SAME : RegionWord.IDLE);
    }

    /** The lock given back, with the state or without. */
    @Operation
    public boolean unlock(@Param(name = "begin") int end) {
        return region.unlock(end == 0 ? RegionWord.SAME : end == 1 ? RegionWord.IDLE : RegionWord.EMPTY);
    }

    /** The mark of the idle queue: set by the thread that finds the region idle and the mark clear. */
    @Operation
    public boolean mark() {
        return Region.markQueued(words, slot);
    }

    /** The mark of the idle queue, cleared. */
    @Operation
    public int unmark() {
        Region.clearQueued(words, slot);
        return 0;
    }
}
