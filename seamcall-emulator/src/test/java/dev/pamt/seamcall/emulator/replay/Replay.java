package dev.pamt.seamcall.emulator.replay;

import static dev.pamt.seamcall.emulator.replay.Recording.number;

import com.fasterxml.jackson.databind.JsonNode;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.EmulatorConfig;
import dev.pamt.seamcall.emulator.Inspection;
import dev.pamt.seamcall.emulator.platform.Schedule;
import dev.pamt.seamcall.emulator.td.VcpuEntry;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Makes the calls of a recording and collects what differs: status, every register, and the PAMT afterwards, bit by bit.
 * Nothing is left out of the comparison.
 */
final class Replay {
    /** The registers that a recording lists. */
    static final List<TdxOperand> REGISTERS = List.of(
            TdxOperand.RCX,
            TdxOperand.RDX,
            TdxOperand.RBX,
            TdxOperand.RSI,
            TdxOperand.RDI,
            TdxOperand.R8,
            TdxOperand.R9,
            TdxOperand.R10,
            TdxOperand.R11,
            TdxOperand.R12,
            TdxOperand.R13,
            TdxOperand.R14,
            TdxOperand.R15);

    private static final int PAGE_BYTES = 4096;
    private static final int NO_INTERRUPT = -1;
    /** After so many one difference leads to the next. */
    private static final int MAX_DIFFERENCES = 10;

    private static final long PAST_HOST_PRIORITY_TIMEOUT = 2_000_000_000;

    private final RecordedHost host;
    private final JsonNode unlisted;
    private final List<String> differences = new ArrayList<>();
    private final AtomicBoolean noEntropy = new AtomicBoolean();
    private final AtomicBoolean interruptPending = new AtomicBoolean();
    private final AtomicLong nanos = new AtomicLong();
    private final GuestReplay guests;
    private int pollsBeforeInterrupt = NO_INTERRUPT;
    private int calls;
    private int events;

    private Replay(JsonNode header) {
        EmulatorConfig.Builder options = EmulatorConfig.builder()
                .entropy(() -> !noEntropy.get())
                .interrupts(processor -> interruptPending.get() || interruptDue());
        host = RecordedHost.bringUp(
                header,
                Inspection.open(RecordedHost.config(header.get("platform"), options), Schedule.free(), nanos::get));
        guests = new GuestReplay(host, header, this::differ);
        unlisted = header.get("unlisted_regs");
    }

    static Replay of(Recording recording) {
        Replay replay = new Replay(recording.header());
        List<JsonNode> lines = recording.body();
        for (int i = 0; i < lines.size() && replay.differences.size() < MAX_DIFFERENCES; i++) {
            replay.step(lines.get(i), lines.subList(i + 1, lines.size()));
        }
        return replay;
    }

    List<String> differences() {
        return differences;
    }

    int calls() {
        return calls;
    }

    int events() {
        return events;
    }

    private void step(JsonNode line, List<JsonNode> following) {
        if (line.has("leaf")) {
            calls++;
            call(line);
        } else if (GuestReplay.isGuestLine(line)) {
            calls++;
            if (line.has("hp_timeout_expired")) {
                nanos.addAndGet(PAST_HOST_PRIORITY_TIMEOUT);
            }
            JsonNode polls = line.get("interrupt_after_polls");
            pollsBeforeInterrupt = polls == null ? NO_INTERRUPT : polls.intValue();
            guests.step(line);
            pollsBeforeInterrupt = NO_INTERRUPT;
        } else if (line.has("harness")) {
            events++;
            event(line, following);
        } else if (line.has("note") && line.size() == 1) {
            note(line.get("note").textValue());
        } else {
            throw new IllegalStateException("a line of unknown kind: " + line);
        }
    }

    /** Whether an interrupt that a line announces comes at this poll. */
    private boolean interruptDue() {
        return pollsBeforeInterrupt >= 0 && pollsBeforeInterrupt-- == 0;
    }

    private void call(JsonNode line) {
        JsonNode in = line.get("in");
        SeamcallRegisters regs = new SeamcallRegisters();
        for (TdxOperand register : REGISTERS) {
            regs.set(register, number(valueOf(in, register, unlisted)));
        }
        SeamcallRegisters before = new SeamcallRegisters().set(regs);
        long rax = in.has("rax") ? number(in.get("rax")) : line.get("leaf_no").longValue();
        int lp = line.has("lp") ? line.get("lp").intValue() : 0;
        long status = rax == 0
                ? guests.enter(line, lp, regs)
                : host.machine().processor(lp).seamcall(rax, regs);
        if (status == VcpuEntry.ENTERED) {
            return;
        }
        if (rax == SeamcallLeaf.MNG_CREATE.rax() && status == 0) {
            guests.created(before.rcx);
        }
        JsonNode out = line.get("out");
        if (out.isNull()) {
            differ(line, "VP.ENTER", "entered", TdxStatus.toString(status));
            return;
        }
        if (status != number(out.get("rax"))) {
            differ(line, "status", TdxStatus.toString(number(out.get("rax"))), TdxStatus.toString(status));
        }
        for (TdxOperand register : REGISTERS) {
            JsonNode listed = out.get(name(register));
            compare(line, name(register), listed == null ? before.get(register) : number(listed), regs.get(register));
        }
        if (line.has("post")) {
            comparePamt(line, line.get("post"), before);
        }
    }

    private static JsonNode valueOf(JsonNode in, TdxOperand register, JsonNode unlisted) {
        JsonNode value = in.get(name(register));
        return value == null ? unlisted.get(name(register)) : value;
    }

    private static String name(TdxOperand register) {
        return register.name().toLowerCase(Locale.ROOT);
    }

    private void comparePamt(JsonNode line, JsonNode post, SeamcallRegisters before) {
        if (post.has("pamt_2m")) {
            long entry = host.entryHpa(pageOf(before.rcx), PageLevel.SIZE_2M);
            compare(
                    line,
                    "PAMT_2M word 0",
                    number(post.get("pamt_2m").get(0)),
                    host.memory().read64(entry));
            compare(
                    line,
                    "PAMT_2M word 1",
                    number(post.get("pamt_2m").get(1)),
                    host.memory().read64(entry + 8));
        }
        if (post.has("lock_1g")) {
            compare(line, "PAMT_1G lock", number(post.get("lock_1g")), lockWord(before.rcx, PageLevel.SIZE_1G));
        }
        compareBitmap(line, post.get("bitmap_rdx"), before.rdx);
        compareBitmap(line, post.get("bitmap_r8"), before.r8);
    }

    private void compareBitmap(JsonNode line, JsonNode bit, long hpa) {
        if (bit != null && !bit.isNull()) {
            compare(line, "bitmap bit of 0x" + Long.toHexString(hpa), bit.longValue(), host.bitmapBit(pageOf(hpa)));
        }
    }

    /** A note says when the harness wrote TD_PARAMS, and what differs from its usual ones. */
    private void note(String note) {
        if (!note.startsWith("TD_PARAMS")) {
            return;
        }
        host.writeTdParams(valueIn(note, "attributes="), valueIn(note, "num_l2_vms="));
    }

    private static long valueIn(String note, String name) {
        int at = note.indexOf(name);
        return at < 0 ? 0 : Long.decode(note.substring(at + name.length()).split(" ", 2)[0]);
    }

    private void event(JsonNode line, List<JsonNode> following) {
        String event = line.get("harness").textValue();
        long hpa = line.has("pa") ? number(line.get("pa")) : 0;
        switch (event) {
            case "set_sept_entry" -> guests.setEntry(line, following);
            case "set_td_lock", "read_td_lock" -> guests.tdLock(line);
            case "kot_lock" -> Inspection.module(host.machine()).kot().lock().setRaw((int) number(line.get("raw")));
            case "rdseed_fails" -> noEntropy.set(number(line.get("value")) != 0);
            case "interrupt_pending" -> interruptPending.set(number(line.get("value")) != 0);
            case "read_pamt_entry" -> {
                long entry = host.entryHpa(hpa, levelOf(line));
                compare(
                        line,
                        "word 0",
                        number(line.get("raw").get(0)),
                        host.memory().read64(entry));
                compare(
                        line,
                        "word 1",
                        number(line.get("raw").get(1)),
                        host.memory().read64(entry + 8));
            }
            case "set_lock", "release_lock" -> setLock(line, hpa);
            case "read_lock" -> compare(line, event, number(line.get("raw")), lockWord(hpa, levelOf(line)));
            case "fill_page" -> {
                long bytes = line.has("size") ? number(line.get("size")) : PAGE_BYTES;
                for (long offset = 0; offset < bytes; offset += Long.BYTES) {
                    host.memory().write64(hpa + offset, number(line.get("value")));
                }
            }
            case "write_phys64" -> host.memory().write64(hpa, number(line.get("value")));
            case "read_phys64" ->
                compare(line, event, number(line.get("value")), host.memory().read64(hpa));
            default -> throw new IllegalStateException("an event of unknown kind: " + line);
        }
    }

    private void setLock(JsonNode line, long hpa) {
        PageLevel level = levelOf(line);
        compare(line, "lock before " + line.get("harness"), number(line.get("old")), lockWord(hpa, level));
        long entry = host.entryHpa(hpa, level);
        host.memory().write64(entry, (host.memory().read64(entry) & ~0xFFFFL) | number(line.get("raw")));
    }

    private long lockWord(long hpa, PageLevel level) {
        return host.memory().read64(host.entryHpa(pageOf(hpa), level)) & 0xFFFF;
    }

    /** The page that a word names, however malformed the word is: bits 51 to 12. */
    private static long pageOf(long word) {
        return word & (1L << PhysicalRange.ADDRESS_BITS) - PAGE_BYTES;
    }

    private static PageLevel levelOf(JsonNode line) {
        return PageLevel.valueOf("SIZE_" + line.get("level").textValue().toUpperCase(Locale.ROOT));
    }

    private void compare(JsonNode line, String what, long recorded, long emulated) {
        if (recorded != emulated) {
            differ(line, what, "0x" + Long.toHexString(recorded), "0x" + Long.toHexString(emulated));
        }
    }

    private void differ(JsonNode line, String what, String recorded, String emulated) {
        differences.add(what + " recorded " + recorded + ", emulated " + emulated + "\n    at " + line);
    }
}
