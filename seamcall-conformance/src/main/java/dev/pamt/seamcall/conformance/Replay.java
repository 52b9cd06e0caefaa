package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.harness.GuestDriver;
import dev.pamt.seamcall.harness.ModuleInspection;
import dev.pamt.seamcall.harness.ModuleInspection.TdLock;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Makes the calls of a recording and collects what differs: status, every register, and the module's state afterwards.
 *
 * <p>Where the recording's harness did to the module what the backend cannot, the calls that follow would be made in
 * another state than the recorded one. They are skipped to the end of the recording.
 */
final class Replay {
    private static final int PAGE_BYTES = 4096;
    private static final long PAMT_TYPE = 0x1FL << 16;
    private static final long LOCK_AND_TYPE = 0xFFFF | PAMT_TYPE;

    private final SeamcallPlatform platform;
    private final RecordedMachine machine;
    private final ModuleInspection inspection;
    private final GuestReplay guests;
    private final JsonValue unlisted;
    private final Set<ComparisonRule> leftOut;
    private final ResultBuilder result;
    private final Set<Long> created = new LinkedHashSet<>();
    private String lostBecause;

    Replay(RecordedMachine machine, JsonValue header, Set<ComparisonRule> leftOut, ResultBuilder result) {
        this.machine = machine;
        this.platform = machine.platform();
        this.leftOut = leftOut;
        this.result = result;
        inspection = platform.inspection().orElse(null);
        GuestDriver driver = inspection == null ? null : inspection.guests().orElse(null);
        guests = driver == null ? null : new GuestReplay(inspection, driver, header, result);
        unlisted = header.get("unlisted_regs");
    }

    /** Replays a line; some events can only be understood from the lines that follow. */
    void step(JsonValue line, List<JsonValue> following) {
        if (lostBecause != null) {
            if (!line.has("note") || line.fields().size() > 1) {
                result.skip(lostBecause);
            }
            return;
        }
        try {
            if (line.has("leaf")) {
                call(line);
            } else if (GuestReplay.isGuestLine(line)) {
                guests.step(line);
            } else if (line.has("harness")) {
                event(line, following);
            } else if (line.has("note")) {
                note(line.get("note").text());
            } else {
                result.skip("a line of unknown kind");
            }
        } catch (SeamcallUnavailableException e) {
            result.differ("rax", expected(line), "the backend lost its module: " + e.getMessage());
            lostBecause = "the backend lost its module earlier in the recording";
        }
    }

    private static String expected(JsonValue line) {
        return line.orElse("status", JsonValue::text, "the recorded outcome");
    }

    private void call(JsonValue line) {
        SeamcallRegisters regs = Registers.inputs(line.get("in"), unlisted);
        SeamcallRegisters before = new SeamcallRegisters().set(regs);
        long rax = Registers.rax(line);
        int processor = line.orElse("lp", JsonValue::intValue, 0);
        if (!line.has("out") && guests == null) {
            lose("the backend has no guests that a harness can drive, and a vCPU is entered");
            return;
        }
        long status;
        if (guests != null && rax == 0) {
            status = guests.enter(line, processor, regs);
        } else {
            status = platform.processor(processor).seamcall(rax, regs);
        }
        result.call(expected(line));
        if (rax == SeamcallLeaf.MNG_CREATE.rax() && status == 0) {
            created.add(before.rcx);
        }
        if (!line.has("out")) {
            if (status != GuestDriver.ENTERED) {
                result.differ("rax", "the vCPU is entered", TdxStatus.toString(status));
            }
            return;
        }
        JsonValue out = line.get("out");
        if (status != out.get("rax").number()) {
            result.differ(
                    "rax",
                    TdxStatus.toString(out.get("rax").number()),
                    status == GuestDriver.ENTERED ? "the vCPU is entered" : TdxStatus.toString(status));
        }
        compareRegisters(result, "", out, before, regs);
        if (line.has("post")) {
            comparePamt(line.get("post"), before);
        }
    }

    /** Compares all registers: those that are not listed must be as they were. */
    static void compareRegisters(
            ResultBuilder result, String prefix, JsonValue out, SeamcallRegisters before, SeamcallRegisters after) {
        for (TdxOperand register : SeamcallRegisters.OPERANDS) {
            String name = Registers.name(register);
            long expected = out.orElse(name, JsonValue::number, before.get(register));
            result.compare(prefix + name, expected, after.get(register));
        }
    }

    private void comparePamt(JsonValue post, SeamcallRegisters before) {
        if (inspection == null) {
            result.skip("the backend has no inspection: PAMT entries and page bitmap after a call are not compared");
            return;
        }
        if (post.has("pamt_2m")) {
            comparePamtEntry(PageLevel.SIZE_2M, pageOf(before.rcx), post.get("pamt_2m"), "pamt_2m");
        }
        if (post.has("lock_1g")) {
            result.compare(
                    "lock_1g",
                    post.get("lock_1g").number(),
                    inspection.lockWord(PageLevel.SIZE_1G, pageOf(before.rcx)));
        }
        compareBitmap(post, "bitmap_rdx", before.rdx);
        compareBitmap(post, "bitmap_r8", before.r8);
    }

    private void comparePamtEntry(PageLevel level, long hpa, JsonValue words, String name) {
        boolean stale = level == PageLevel.SIZE_2M
                && (words.item(0).number() & PAMT_TYPE) == 0
                && leftOut.contains(ComparisonRule.STALE_FREE_ENTRY);
        for (int i = 0; i < words.items().size(); i++) {
            long mask = -1;
            if (stale) {
                mask = i == 0 ? LOCK_AND_TYPE : 0;
            }
            result.compare(
                    name + "[" + i + "]",
                    words.item(i).number() & mask,
                    inspection.pamtEntryWord(level, hpa, i) & mask);
        }
    }

    private void compareBitmap(JsonValue post, String name, long hpa) {
        if (post.has(name)) {
            result.compare(name, post.get(name).number(), inspection.isInPageBitmap(pageOf(hpa)) ? 1 : 0);
        }
    }

    /** The page that a word names, however malformed the word is: bits 51 to 12. */
    private static long pageOf(long word) {
        return word & (1L << PhysicalRange.ADDRESS_BITS) - PAGE_BYTES;
    }

    /** A note says when the harness wrote TD_PARAMS, and what differs from its usual ones. */
    private void note(String note) {
        if (note.startsWith("TD_PARAMS")) {
            machine.writeTdParams(valueIn(note, "attributes="), valueIn(note, "num_l2_vms="));
        }
    }

    private static long valueIn(String note, String name) {
        int at = note.indexOf(name);
        return at < 0 ? 0 : Long.decode(note.substring(at + name.length()).split(" ", 2)[0]);
    }

    private void event(JsonValue line, List<JsonValue> following) {
        String event = line.get("harness").text();
        if (memoryEvent(event, line)) {
            result.event();
            return;
        }
        switch (event) {
            case "read_lock", "read_td_lock", "read_pamt_entry", "read_sept_entry" -> {
                if (inspection == null) {
                    result.skip("the backend has no inspection: " + event);
                } else {
                    look(event, line);
                    result.event();
                }
            }
            case "set_lock",
                    "release_lock",
                    "set_td_lock",
                    "set_sept_entry",
                    "kot_lock",
                    "rdseed_fails",
                    "interrupt_pending" -> {
                if (inspection == null) {
                    lose("the backend has no inspection: " + event + ", and all calls that follow");
                } else {
                    interfere(event, line, following);
                    result.event();
                }
            }
            default -> result.skip("an event of unknown kind: " + event);
        }
    }

    private void lose(String reason) {
        lostBecause = reason;
        result.skip(reason);
    }

    private boolean memoryEvent(String event, JsonValue line) {
        PhysicalMemory memory = platform.memory();
        switch (event) {
            case "fill_page" -> {
                long hpa = line.get("pa").number();
                long bytes = line.orElse("size", JsonValue::number, (long) PAGE_BYTES);
                for (long offset = 0; offset < bytes; offset += Long.BYTES) {
                    memory.write64(hpa + offset, line.get("value").number());
                }
            }
            case "write_phys64" ->
                memory.write64(line.get("pa").number(), line.get("value").number());
            case "read_phys64" ->
                result.compare(
                        "memory",
                        line.get("value").number(),
                        memory.read64(line.get("pa").number()));
            default -> {
                return false;
            }
        }
        return true;
    }

    private void look(String event, JsonValue line) {
        switch (event) {
            case "read_lock" ->
                result.compare(
                        "lock",
                        line.get("raw").number(),
                        inspection.lockWord(levelOf(line), pageOf(line.get("pa").number())));
            case "read_td_lock" ->
                result.compare("lock", line.get("raw").number(), inspection.tdLock(tdOf(line), lockOf(line)));
            case "read_pamt_entry" ->
                comparePamtEntry(levelOf(line), line.get("pa").number(), line.get("raw"), "pamt");
            default ->
                result.compare(
                        "sept",
                        line.get("raw").number(),
                        inspection.septEntry(
                                tdOf(line),
                                line.get("gpa").number(),
                                line.get("level").intValue()));
        }
    }

    private void interfere(String event, JsonValue line, List<JsonValue> following) {
        switch (event) {
            case "kot_lock" -> inspection.setKeyTableLock((int) line.get("raw").number());
            case "rdseed_fails" -> inspection.setEntropyFails(line.get("value").number() != 0);
            case "interrupt_pending" ->
                inspection.setInterruptPending(line.get("value").number() != 0);
            case "set_td_lock" -> {
                compareOld("lock", line, inspection.tdLock(tdOf(line), lockOf(line)));
                inspection.setTdLock(tdOf(line), lockOf(line), line.get("raw").intValue());
            }
            case "set_sept_entry" -> setSeptEntry(line, following);
            default -> {
                long hpa = pageOf(line.get("pa").number());
                compareOld("lock", line, inspection.lockWord(levelOf(line), hpa));
                inspection.setLockWord(levelOf(line), hpa, line.get("raw").intValue());
            }
        }
    }

    private void compareOld(String what, JsonValue line, long got) {
        if (line.has("old")) {
            result.compare(what + " before", line.get("old").number(), got);
        }
    }

    /**
     * Writes a Secure EPT entry as another processor would have left it. Where the line names no TD, it is the one that has
     * the old entry, and where several have it, the one that is named next.
     */
    private void setSeptEntry(JsonValue line, List<JsonValue> following) {
        long gpa = line.get("gpa").number();
        int level = line.get("level").intValue();
        List<Long> having = line.has("vp")
                ? List.of(inspection.tdOf(line.get("vp").number()))
                : created.stream()
                        .filter(tdrHpa ->
                                hasEntry(tdrHpa, gpa, level, line.get("old").number()))
                        .toList();
        if (having.isEmpty()) {
            result.differ("sept before", Registers.hex(line.get("old").number()), "no TD has it");
            return;
        }
        long tdrHpa = having.size() == 1 ? having.get(0) : namedNext(having, following);
        compareOld("sept", line, inspection.septEntry(tdrHpa, gpa, level));
        inspection.setSeptEntry(tdrHpa, gpa, level, line.get("raw").number());
    }

    private boolean hasEntry(long tdrHpa, long gpa, int level, long entry) {
        try {
            return inspection.septEntry(tdrHpa, gpa, level) == entry;
        } catch (IllegalArgumentException e) {
            // The TD is gone, or has no Secure EPT yet.
            return false;
        }
    }

    private long namedNext(List<Long> candidates, List<JsonValue> following) {
        for (JsonValue line : following) {
            long named = -1;
            if (line.has("vp")) {
                named = inspection.tdOf(line.get("vp").number());
            } else if (line.has("in")) {
                named = line.get("in").orElse("rdx", JsonValue::number, -1L);
            }
            if (candidates.contains(named)) {
                return named;
            }
        }
        return candidates.get(0);
    }

    private long tdOf(JsonValue line) {
        return inspection.tdOf(line.get("vp").number());
    }

    private static TdLock lockOf(JsonValue line) {
        return switch (line.get("lock").text()) {
            case "epoch", "epoch_lock" -> TdLock.EPOCH;
            case "op_state" -> TdLock.OP_STATE;
            case "sept_tree" -> TdLock.SEPT_TREE;
            default -> throw new MalformedLineException("no lock of a TD is named " + line.get("lock"));
        };
    }

    private static PageLevel levelOf(JsonValue line) {
        return PageLevel.valueOf("SIZE_" + line.get("level").text().toUpperCase(Locale.ROOT));
    }
}
