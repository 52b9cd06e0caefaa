package dev.pamt.seamcall.emulator.sept;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.emulator.pamt.Pamt;
import dev.pamt.seamcall.emulator.pamt.PamtResize;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.td.TdAccess;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** All leaves that work on guest addresses, and what they share. */
public final class SeptHandlers implements HandlerFamily {
    private final GuestPages guestPages;
    private final List<HandlerFamily> families;

    /** Makes the leaves. */
    public SeptHandlers(Machine machine, Pamt pamt, PamtResize resize, TdAccess tds) {
        SeptAccess access = new SeptAccess(machine, tds);
        guestPages = new GuestPages(machine, access);
        SeptPageHandlers pages = new SeptPageHandlers(machine, access, pamt);
        families = List.of(
                pages,
                new PrivatePageHandlers(machine, access, pamt),
                new RangeHandlers(machine, access, pages, tds, pamt),
                new DemotePromoteHandlers(machine, access, pages, pamt, resize));
    }

    /** Secure EPT as guests meet it. */
    public GuestPages guestPages() {
        return guestPages;
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        Map<SeamcallLeaf, LeafHandler> handlers = new EnumMap<>(SeamcallLeaf.class);
        families.forEach(family -> handlers.putAll(family.handlers()));
        return handlers;
    }
}
