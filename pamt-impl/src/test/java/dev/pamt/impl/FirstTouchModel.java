package dev.pamt.impl;

import dev.pamt.api.MemoryMap;
import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import org.jetbrains.lincheck.datastructures.Operation;

/**
 * The words of a gigabyte under Lincheck: threads that touch it first at once all count in the same words. Public because Lincheck
 * asks for it.
 */
public final class FirstTouchModel {
    private static final long HPA = 0x20_0000;

    private final RegionTable table = new RegionTable(
            MemoryMap.of(List.of(PhysicalRange.between(HPA, 2 * HPA))).ram());

    /** Makes a table that has not been touched. */
    public FirstTouchModel() {}

    /** Adds a user; returns how many there were. */
    @Operation
    public int add() {
        return Region.addUser(table.words(HPA), RegionTable.slot(HPA));
    }
}
