package dev.pamt.seamcall.emulator.dispatch;

import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * The leaves of TDX module 1.5.25 that this one does not have, and how often they were called. They are answered as a leaf that
 * no module has.
 *
 * <p>Thread-safe; counting is wait-free.
 */
public final class AbsentLeaves {
    private static final int LEAVES = 128;

    private static final Map<Integer, String> NAMES = Map.ofEntries(
            Map.entry(12, "TDH.MEM.RD"),
            Map.entry(13, "TDH.MNG.WR"),
            Map.entry(14, "TDH.MEM.WR"),
            Map.entry(48, "TDH.SERVTD.BIND"),
            Map.entry(49, "TDH.SERVTD.PREBIND"),
            Map.entry(53, "TDH.SYS.UPDATE"),
            Map.entry(64, "TDH.EXPORT.ABORT"),
            Map.entry(65, "TDH.EXPORT.BLOCKW"),
            Map.entry(66, "TDH.EXPORT.RESTORE"),
            Map.entry(68, "TDH.EXPORT.MEM"),
            Map.entry(70, "TDH.EXPORT.PAUSE"),
            Map.entry(71, "TDH.EXPORT.TRACK"),
            Map.entry(72, "TDH.EXPORT.STATE.IMMUTABLE"),
            Map.entry(73, "TDH.EXPORT.STATE.TD"),
            Map.entry(74, "TDH.EXPORT.STATE.VP"),
            Map.entry(75, "TDH.EXPORT.UNBLOCKW"),
            Map.entry(80, "TDH.IMPORT.ABORT"),
            Map.entry(81, "TDH.IMPORT.END"),
            Map.entry(82, "TDH.IMPORT.COMMIT"),
            Map.entry(83, "TDH.IMPORT.MEM"),
            Map.entry(84, "TDH.IMPORT.TRACK"),
            Map.entry(85, "TDH.IMPORT.STATE.IMMUTABLE"),
            Map.entry(86, "TDH.IMPORT.STATE.TD"),
            Map.entry(87, "TDH.IMPORT.STATE.VP"),
            Map.entry(96, "TDH.MIG.STREAM.CREATE"));

    private final AtomicLongArray calls = new AtomicLongArray(LEAVES);

    AbsentLeaves() {}

    void count(int leaf) {
        if (leaf < LEAVES) {
            calls.getAndIncrement(leaf);
        }
    }

    /** The calls of each absent leaf that was called, by its name. */
    public Map<String, Long> calls() {
        Map<String, Long> called = new TreeMap<>();
        NAMES.forEach((leaf, name) -> {
            if (calls.get(leaf) > 0) {
                called.put(name, calls.get(leaf));
            }
        });
        return called;
    }
}
