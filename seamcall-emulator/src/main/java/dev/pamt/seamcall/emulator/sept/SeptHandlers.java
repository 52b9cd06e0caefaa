package dev.pamt.seamcall.emulator.sept;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.emulator.pamt.Pamt;
import dev.pamt.seamcall.emulator.pamt.PamtResize;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.td.Td;
import dev.pamt.seamcall.emulator.td.TdAccess;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** All leaves that work on guest addresses, and what they share. */
public final class SeptHandlers implements HandlerFamily {
    private final SeptAccess access;
    private final GuestPages guestPages;
    private final List<HandlerFamily> families;

    /** Makes the leaves. */
    public SeptHandlers(Machine machine, Pamt pamt, PamtResize resize, TdAccess tds) {
        access = new SeptAccess(machine, pamt, tds);
        L2Trees l2Trees = new L2Trees(access);
        guestPages = new GuestPages(machine, access, l2Trees);
        families = List.of(
                new SeptPageHandlers(machine, access, l2Trees, pamt),
                new PrivatePageHandlers(machine, access, l2Trees, pamt),
                new RangeHandlers(machine, access, l2Trees, tds, pamt),
                new DemotePromoteHandlers(machine, access, l2Trees, pamt, resize));
    }

    /** Secure EPT as guests meet it. */
    public GuestPages guestPages() {
        return guestPages;
    }

    /** The address of the entry where a walk down to a level ends, for a test harness; no lock is taken. */
    public long entryHpa(Td td, long gpa, int level) {
        return access.entryHpa(td, gpa, level);
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        Map<SeamcallLeaf, LeafHandler> handlers = new EnumMap<>(SeamcallLeaf.class);
        families.forEach(family -> handlers.putAll(family.handlers()));
        return handlers;
    }
}
