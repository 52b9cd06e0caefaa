package dev.pamt.seamcall.emulator.sept;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.pamt.Pamt;
import dev.pamt.seamcall.emulator.pamt.PamtResize;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import dev.pamt.seamcall.emulator.platform.Timing;
import dev.pamt.seamcall.emulator.td.TdAccess;
import java.util.EnumMap;
import java.util.Map;

/** All leaves that work on guest addresses, and what they share. */
public final class SeptHandlers {
    private final Map<SeamcallLeaf, LeafHandler> handlers = new EnumMap<>(SeamcallLeaf.class);
    private final GuestPages guestPages;

    /** Makes the leaves. */
    public SeptHandlers(
            SparseMemory memory,
            Pamt pamt,
            PamtResize resize,
            TdAccess tds,
            HpaRules hpas,
            Timing timing,
            RacePoint.Listener racePoints) {
        SeptAccess access = new SeptAccess(memory, tds, hpas);
        guestPages = new GuestPages(access);
        SeptPageHandlers septPages = new SeptPageHandlers(access, pamt, timing, racePoints);
        handlers.put(SeamcallLeaf.MEM_SEPT_ADD, septPages::add);
        handlers.put(SeamcallLeaf.MEM_SEPT_REMOVE, septPages::remove);
        handlers.put(SeamcallLeaf.MEM_SEPT_RD, septPages::read);

        PrivatePageHandlers pages = new PrivatePageHandlers(access, pamt, timing, racePoints);
        handlers.put(SeamcallLeaf.MEM_PAGE_ADD, pages::add);
        handlers.put(SeamcallLeaf.MEM_PAGE_AUG, pages::aug);
        handlers.put(SeamcallLeaf.MEM_PAGE_REMOVE, pages::remove);
        handlers.put(SeamcallLeaf.MEM_PAGE_RELOCATE, pages::relocate);
        handlers.put(SeamcallLeaf.MR_EXTEND, pages::extend);

        RangeHandlers ranges = new RangeHandlers(access, septPages, tds, pamt, timing);
        handlers.put(SeamcallLeaf.MEM_RANGE_BLOCK, ranges::block);
        handlers.put(SeamcallLeaf.MEM_RANGE_UNBLOCK, ranges::unblock);
        handlers.put(SeamcallLeaf.MEM_TRACK, ranges::track);

        DemotePromoteHandlers sizes = new DemotePromoteHandlers(access, septPages, pamt, resize, timing, racePoints);
        handlers.put(SeamcallLeaf.MEM_PAGE_DEMOTE, sizes::demote);
        handlers.put(SeamcallLeaf.MEM_PAGE_PROMOTE, sizes::promote);
    }

    /** Secure EPT as guests meet it. */
    public GuestPages guestPages() {
        return guestPages;
    }

    /** The handlers by leaf. */
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return handlers;
    }
}
