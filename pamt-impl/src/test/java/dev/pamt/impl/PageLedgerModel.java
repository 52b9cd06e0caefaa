package dev.pamt.impl;

import dev.pamt.api.MemoryMap;
import dev.pamt.impl.PageLedger.Holder;
import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import org.jetbrains.lincheck.datastructures.Operation;

/**
 * The ledger under Lincheck: of two threads that enter or strike out one page, one does. Public because Lincheck asks for it.
 */
public final class PageLedgerModel {
    private static final long HPA = 0x20_0000;

    private final PageLedger ledger = new PageLedger(
            MemoryMap.of(List.of(PhysicalRange.between(HPA, 2 * HPA))).ram());

    /** Makes a ledger in which the page is entered, and its neighbours in the same word. */
    public PageLedgerModel() {
        ledger.prepare(HPA);
        ledger.enter(HPA, Holder.CALLER);
        ledger.enter(HPA + 4096, Holder.PAIR);
    }

    /** Enters the page. */
    @Operation
    public boolean enter() {
        return ledger.enter(HPA, Holder.CALLER);
    }

    /** Strikes the page out. */
    @Operation
    public boolean strikeOut() {
        return ledger.strikeOut(HPA, Holder.CALLER);
    }
}
