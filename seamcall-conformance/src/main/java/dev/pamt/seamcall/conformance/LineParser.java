package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.AccessKind;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.conformance.Line.Answer;
import dev.pamt.seamcall.conformance.Line.Call;
import dev.pamt.seamcall.conformance.Line.Exit;
import dev.pamt.seamcall.conformance.Line.GuestStep;
import dev.pamt.seamcall.conformance.Line.Listed;
import dev.pamt.seamcall.conformance.Line.Note;
import dev.pamt.seamcall.conformance.Line.Place;
import dev.pamt.seamcall.conformance.Line.RaceOutcome;
import dev.pamt.seamcall.conformance.Line.RaceStatuses;
import dev.pamt.seamcall.conformance.Line.RecordedRace;
import dev.pamt.seamcall.conformance.Line.SeptEntries;
import dev.pamt.seamcall.conformance.Line.State;
import dev.pamt.seamcall.conformance.Line.SysConfig;
import dev.pamt.seamcall.conformance.Line.TdParams;
import dev.pamt.seamcall.harness.GuestDriver.StepOutcome;
import dev.pamt.seamcall.harness.ModuleInspection.TdLock;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Makes {@link Line}s of JSON. With {@link MachineParser} the one place that reads fields by their names; {@code
 * docs/vectors.md} has them.
 *
 * <p>What makes no sense is a {@link MalformedLineException}. Immutable and thread-safe.
 */
final class LineParser {
    private static final long PAGE_BYTES = 4096;

    private final Header header;

    /** Reads lines after a header; null if each line has a machine of its own. */
    LineParser(Header header) {
        this.header = header;
    }

    /** Reads the line with a number in the file, from 1. */
    Line parse(int number, JsonValue line) {
        if (header == null) {
            return line.has("leaf") ? sysConfig(number, line) : new Line.Unknown(place(number, line, "note"));
        } else if (line.has("t1") && line.has("t2")) {
            return race(number, line);
        } else if (line.has("leaf")) {
            return call(number, line);
        } else if (line.has("tdcall")) {
            return guestStep(number, line, line.get("tdcall").text(), tdcall(line));
        } else if (line.has("guest_access")) {
            String name = line.get("guest_access").text();
            return guestStep(number, line, "guest " + name, access(line, name));
        } else if (line.has("guest_event")) {
            return guestStep(number, line, line.get("guest_event").text(), new GuestDeed.Interrupt());
        } else if (line.has("harness")) {
            return event(place(number, line, line.get("harness").text()), line);
        } else if (line.has("note")) {
            return note(place(number, line, "note"), line.get("note").text());
        }
        return new Line.Unknown(place(number, line, "note"));
    }

    private static Place place(int number, JsonValue line, String name) {
        return new Place(number, line.orElse("n", JsonValue::number, Place.NOT_NUMBERED), name);
    }

    private static SysConfig sysConfig(int number, JsonValue line) {
        RecordedPlatform platform = MachineParser.platformOfLine(line);
        Listed in = new Listed(line.orElse("in", Registers::listed, Map.of()));
        boolean hasOptions = in.registers().containsKey(TdxOperand.R8);
        return new SysConfig(
                place(number, line, line.get("leaf").text()),
                platform,
                line.get("tdmrs").listOf(MachineParser::lineTdmr),
                hasOptions
                        ? 0
                        : MachineParser.sysConfigOptions(
                                platform, line.get("dynamic").bool()),
                in,
                answer(line.get("out")),
                line.get("status").text());
    }

    private Call call(int number, JsonValue line) {
        return new Call(
                place(number, line, line.get("leaf").text()),
                line.orElse("lp", JsonValue::intValue, 0),
                rax(line),
                inputs(line, header.unlisted()),
                line.orElse("out", LineParser::answer, null),
                line.orElse("status", JsonValue::text, null),
                line.orElse("post", LineParser::state, null),
                line.orElse("guest_rax", JsonValue::number, null),
                line.orElse("note", JsonValue::text, "").contains("32-bit"));
    }

    /** What a call lists, or the number of its leaf. */
    private static long rax(JsonValue line) {
        JsonValue rax = line.get("in").find("rax");
        return (rax == null ? line.get("leaf_no") : rax).number();
    }

    private static SeamcallRegisters inputs(JsonValue line, Map<TdxOperand, Long> unlisted) {
        Map<TdxOperand, Long> all = new EnumMap<>(TdxOperand.class);
        all.putAll(unlisted);
        all.putAll(Registers.listed(line.get("in")));
        SeamcallRegisters regs = new SeamcallRegisters();
        for (TdxOperand register : SeamcallRegisters.OPERANDS) {
            Long value = all.get(register);
            if (value == null) {
                throw new MalformedLineException("field '" + Registers.name(register) + "' is missing");
            }
            regs.set(register, value);
        }
        return regs;
    }

    private static Answer answer(JsonValue out) {
        return new Answer(out.get("rax").number(), new Listed(Registers.listed(out)));
    }

    private static State state(JsonValue post) {
        return new State(
                post.orElse("pamt_2m", words -> words.listOf(JsonValue::number), null),
                post.orElse("lock_1g", JsonValue::number, null),
                post.orElse("bitmap_rdx", JsonValue::number, null),
                post.orElse("bitmap_r8", JsonValue::number, null));
    }

    private GuestDeed tdcall(JsonValue line) {
        return new GuestDeed.Tdcall(
                rax(line), inputs(line, header.unlistedGuest()), line.orElse("out", LineParser::answer, null));
    }

    private static GuestDeed access(JsonValue line, String name) {
        AccessKind kind =
                switch (name) {
                    case "read" -> AccessKind.READ;
                    case "write" -> AccessKind.WRITE;
                    case "exec" -> AccessKind.EXECUTE;
                    default -> throw new MalformedLineException("no access is named \"" + name + '"');
                };
        return new GuestDeed.MemoryAccess(line.get("gpa").number(), kind);
    }

    private static GuestStep guestStep(int number, JsonValue line, String name, GuestDeed deed) {
        Exit exit = line.orElse("exit", LineParser::exit, null);
        StepOutcome outcome = StepOutcome.DONE;
        if (exit != null) {
            outcome = StepOutcome.EXIT;
        } else if (line.has("inject")) {
            outcome = StepOutcome.EXCEPTION;
        } else if (line.has("interrupted")) {
            outcome = StepOutcome.INTERRUPTED;
        }
        return new GuestStep(
                place(number, line, name),
                line.get("lp").intValue(),
                line.get("vp").number(),
                deed,
                line.get("status").text(),
                outcome,
                line.orElse("inject", inject -> inject.get("vector").number(), 0L),
                exit,
                line.orElse("sept", LineParser::sept, null),
                line.has("same_rip"),
                line.has("hp_timeout_expired"),
                line.orElse("interrupt_after_polls", JsonValue::intValue, -1));
    }

    private static Exit exit(JsonValue exit) {
        Map<TdxOperand, Long> registers = new EnumMap<>(TdxOperand.class);
        registers.put(TdxOperand.RCX, exit.get("qualification").number());
        registers.put(TdxOperand.RDX, exit.get("ext_qualification").number());
        registers.put(TdxOperand.R8, exit.get("gpa").number());
        registers.put(TdxOperand.R9, exit.get("intr_info").number());
        registers.putAll(exit.orElse("regs", Registers::listed, Map.of()));
        return new Exit(exit.get("rax").number(), new Listed(registers));
    }

    private static SeptEntries sept(JsonValue sept) {
        List<JsonValue> items = sept.items();
        return new SeptEntries(
                sept.item(0).intValue(),
                items.size() > 1 ? items.get(1).number() : null,
                items.size() > 2 ? items.get(2).number() : null);
    }

    private static Event event(Place place, JsonValue line) {
        return switch (place.name()) {
            case "fill_page" ->
                new Event.FillMemory(
                        place,
                        hpa(line),
                        line.orElse("size", JsonValue::number, PAGE_BYTES),
                        line.get("value").number());
            case "write_phys64" ->
                new Event.WriteMemory(place, hpa(line), line.get("value").number());
            case "read_phys64" ->
                new Event.ReadMemory(place, hpa(line), line.get("value").number());
            case "read_lock" -> new Event.ReadPamtLock(place, level(line), hpa(line), raw(line));
            case "read_pamt_entry" ->
                new Event.ReadPamtEntry(
                        place, level(line), hpa(line), line.get("raw").listOf(JsonValue::number));
            case "read_td_lock" -> new Event.ReadTdLock(place, tdLock(line), vcpu(line), raw(line));
            case "read_sept_entry" ->
                new Event.ReadSeptEntry(
                        place,
                        vcpu(line),
                        line.get("gpa").number(),
                        line.get("level").intValue(),
                        raw(line));
            case "set_lock", "release_lock" ->
                new Event.SetPamtLock(
                        place, level(line), hpa(line), line.get("raw").intValue(), old(line));
            case "set_td_lock" ->
                new Event.SetTdLock(
                        place, tdLock(line), vcpu(line), line.get("raw").intValue(), old(line));
            case "set_sept_entry" ->
                new Event.SetSeptEntry(
                        place,
                        line.orElse("vp", JsonValue::number, null),
                        line.get("gpa").number(),
                        line.get("level").intValue(),
                        raw(line),
                        line.get("old").number());
            case "kot_lock" -> new Event.SetKeyTableLock(place, line.get("raw").intValue());
            case "rdseed_fails" ->
                new Event.EntropyFails(place, line.get("value").number() != 0);
            case "interrupt_pending" ->
                new Event.InterruptPending(place, line.get("value").number() != 0);
            default -> new Event.Other(place);
        };
    }

    private static long hpa(JsonValue line) {
        return line.get("pa").number();
    }

    private static long raw(JsonValue line) {
        return line.get("raw").number();
    }

    private static Long old(JsonValue line) {
        return line.orElse("old", JsonValue::number, null);
    }

    private static long vcpu(JsonValue line) {
        return line.get("vp").number();
    }

    private static PageLevel level(JsonValue line) {
        return switch (line.get("level").text()) {
            case "4k" -> PageLevel.SIZE_4K;
            case "2m" -> PageLevel.SIZE_2M;
            case "1g" -> PageLevel.SIZE_1G;
            default -> throw new MalformedLineException("no level is named " + line.get("level"));
        };
    }

    private static TdLock tdLock(JsonValue line) {
        return switch (line.get("lock").text()) {
            case "epoch", "epoch_lock" -> TdLock.EPOCH;
            case "op_state" -> TdLock.OP_STATE;
            case "sept_tree" -> TdLock.SEPT_TREE;
            default -> throw new MalformedLineException("no lock of a TD is named " + line.get("lock"));
        };
    }

    /** A note says when the harness wrote TD_PARAMS, and what differs from its usual ones. */
    private static Note note(Place place, String text) {
        boolean wrote = text.startsWith("TD_PARAMS");
        return new Note(
                place, text, wrote ? new TdParams(valueIn(text, "attributes="), valueIn(text, "num_l2_vms=")) : null);
    }

    private static long valueIn(String note, String name) {
        int at = note.indexOf(name);
        return at < 0
                ? 0
                : JsonValue.numberOf(note.substring(at + name.length()).split(" ", 2)[0]);
    }

    private RecordedRace race(int number, JsonValue line) {
        List<Call> first = line.get("t1").listOf(call -> call(number, call));
        List<Call> second = line.get("t2").listOf(call -> call(number, call));
        List<RaceOutcome> outcomes = line.get("outcomes").listOf(outcome -> outcome(outcome, first, second));
        if (outcomes.isEmpty()) {
            throw new MalformedLineException("a race has no outcome");
        }
        return new RecordedRace(
                place(number, line, line.get("name").text()),
                line.orElse("about", JsonValue::text, ""),
                numbers(line.get("regions")),
                numbers(line.get("watch")),
                line.get("setup").listOf(step -> setup(number, step)),
                first,
                second,
                outcomes,
                line.get("allowed_by_reading").listOf(allowed -> statuses(allowed, first, second)));
    }

    /** In the setup of a race every event is that the harness wrote its usual TD_PARAMS. */
    private Line setup(int number, JsonValue step) {
        if (step.has("harness")) {
            String name = step.get("harness").text();
            return new Note(place(number, step, name), name, new TdParams(0, 0));
        }
        Call call = call(number, step);
        if (call.status() == null) {
            throw new MalformedLineException("field 'status' is missing");
        }
        return call;
    }

    private static RaceOutcome outcome(JsonValue outcome, List<Call> first, List<Call> second) {
        return new RaceOutcome(
                statuses(outcome, first, second),
                outcome.orElse("t1_out", out -> registersOfEach(out, first), null),
                outcome.orElse("t2_out", out -> registersOfEach(out, second), null),
                outcome.get("final").text());
    }

    private static List<Listed> registersOfEach(JsonValue out, List<Call> calls) {
        return oneForEach(out.listOf(listed -> new Listed(Registers.listed(listed))), calls);
    }

    private static RaceStatuses statuses(JsonValue outcome, List<Call> first, List<Call> second) {
        return new RaceStatuses(
                oneForEach(outcome.get("t1").listOf(JsonValue::text), first),
                oneForEach(outcome.get("t2").listOf(JsonValue::text), second));
    }

    private static <T> List<T> oneForEach(List<T> items, List<Call> calls) {
        if (items.size() != calls.size()) {
            throw new MalformedLineException(
                    "an outcome has something for each of " + calls.size() + " calls, not " + items);
        }
        return items;
    }

    private static Map<String, Long> numbers(JsonValue object) {
        Map<String, Long> numbers = new LinkedHashMap<>();
        object.fields().forEach((name, value) -> numbers.put(name, value.number()));
        return Collections.unmodifiableMap(numbers);
    }
}
