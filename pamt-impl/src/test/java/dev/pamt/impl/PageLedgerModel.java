package dev.pamt.impl;

import dev.pamt.api.MemoryMap;
import dev.pamt.impl.PageLedger.Holder;
import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/**
 * The ledger under Lincheck: of two threads that enter or strike out one page, one does; pages in the same word do not disturb
 * each other. Public because Lincheck asks for it.
 */
@Param(name = "page", gen = IntGen.class, conf = "0:1")
public final class PageLedgerModel {
    private static final long HPA = 0x20_0000;

    private final PageLedger ledger = new PageLedger(
            MemoryMap.of(List.of(PhysicalRange.between(HPA, 2 * HPA))).ram());

    /** Makes an empty ledger. */
    public PageLedgerModel() {
        ledger.prepare(HPA);
    }

    /** Enters a page of allocPage. */
    @Operation
    public boolean enter(@Param(name = "page") int page) {
        return ledger.enter(hpa(page), Holder.CALLER);
    }

    /** Strikes a page of allocPage out. */
    @Operation
    public boolean strikeOut(@Param(name = "page") int page) {
        return ledger.strikeOut(hpa(page), Holder.CALLER);
    }

    /** Whether a page of the region is entered. */
    @Operation
    public boolean hasAny() {
        return ledger.hasAnyOf(HPA);
    }

    private static long hpa(int page) {
        return HPA + page * 4096L;
    }
}
