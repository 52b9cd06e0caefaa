package dev.pamt.seamcall.emulator.td;

import java.util.concurrent.ConcurrentHashMap;

/**
 * Finds a TD by the address of its root page.
 *
 * <p>An entry comes and goes under the exclusive PAMT lock of the root page, so a call that holds that lock and has seen the
 * type TDR finds the TD here.
 */
public final class TdTable {
    private final ConcurrentHashMap<Long, Td> tds = new ConcurrentHashMap<>();

    /** Makes an empty table. */
    public TdTable() {}

    /** Makes a TD. */
    public void create(long tdrHpa, int hkid) {
        tds.put(tdrHpa, new Td(tdrHpa, hkid));
    }

    /** The TD of a root page. */
    public Td at(long tdrHpa) {
        return tds.get(tdrHpa);
    }

    /** Forgets a TD. */
    public void remove(long tdrHpa) {
        tds.remove(tdrHpa);
    }
}
