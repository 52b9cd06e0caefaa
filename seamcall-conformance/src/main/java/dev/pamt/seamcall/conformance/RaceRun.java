package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.harness.ModuleInspection;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** One race, run once on a machine of its own. */
final class RaceRun {
    private static final String NOT_RUN = "not run";
    private static final String FATAL = "FATAL_";
    private static final Pattern FATAL_MESSAGE = Pattern.compile("fatal error (\\d+) in .* on processor (\\d+)");
    private static final int SPINS_BEFORE_PARKING = 400;

    /** All but host priority, which may stay. */
    private static final int HELD = 0xFFFD;

    private static final int TYPE_SHIFT = 16;
    private static final int TYPE_MASK = 31;
    private static final int PAGE_SHIFT = 12;
    private static final int PAIR_SHIFT = 28;
    private static final int PAGE_COUNT = 0x3FF;
    private static final int NDA = 0;
    private static final int REG = 3;

    /** A call of a race, made. */
    private record Made(String status, SeamcallRegisters regs) {}

    private final RecordedMachine machine;
    private final JsonValue header;
    private final JsonValue test;
    private final Litmus.RaceListener listener;
    private final int headStart;
    private final ModuleInspection inspection;
    private final AtomicInteger arrived = new AtomicInteger();
    private List<Made> first = List.of();
    private List<Made> second = List.of();

    RaceRun(RecordedMachine machine, JsonValue header, JsonValue test, Litmus.RaceListener listener, int headStart) {
        this.machine = machine;
        this.header = header;
        this.test = test;
        this.listener = listener;
        this.headStart = headStart;
        inspection = machine.platform().inspection().orElse(null);
    }

    void run(ExecutorService other) throws InterruptedException {
        for (JsonValue line : test.get("setup").items()) {
            if (line.has("harness")) {
                machine.writeTdParams(0, 0);
                continue;
            }
            String status = call(0, line).status();
            if (!status.equals(line.get("status").text())) {
                throw new BringUpException("in the setup of " + test.get("name").text() + " "
                        + line.get("leaf").text() + " gave " + status + ", recorded was "
                        + line.get("status").text());
            }
        }
        listener.raceBegins();
        Future<List<Made>> beside = other.submit(() -> program(1, test.get("t2"), headStart));
        first = program(0, test.get("t1"), -headStart);
        try {
            second = beside.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException("the backend threw on processor 1: " + e.getCause(), e.getCause());
        } finally {
            listener.raceEnds();
        }
    }

    private List<Made> program(int processor, JsonValue calls, int delay) {
        List<Made> made = new ArrayList<>();
        arrived.incrementAndGet();
        for (int i = 0; arrived.get() < 2; i++) {
            if (i < SPINS_BEFORE_PARKING) {
                Thread.onSpinWait();
            } else {
                LockSupport.parkNanos(1000);
            }
        }
        for (int i = 0; i < delay; i++) {
            Thread.onSpinWait();
        }
        for (JsonValue line : calls.items()) {
            boolean stopped =
                    !made.isEmpty() && isStop(made.get(made.size() - 1).status());
            made.add(stopped ? new Made(NOT_RUN, new SeamcallRegisters()) : call(processor, line));
        }
        return made;
    }

    private static boolean isStop(String status) {
        return status.equals(NOT_RUN) || status.startsWith(FATAL);
    }

    private Made call(int processor, JsonValue line) {
        SeamcallRegisters regs = Registers.inputs(line.get("in"), header.get("unlisted_regs"));
        try {
            long status = machine.platform().processor(processor).seamcall(Registers.rax(line), regs);
            return new Made(Registers.gloss(status), regs);
        } catch (SeamcallUnavailableException e) {
            // The module is down for both processors, but it was the call of one that was fatal.
            Matcher fatal = FATAL_MESSAGE.matcher(String.valueOf(e.getMessage()));
            boolean own = fatal.find() && Integer.parseInt(fatal.group(2)) == processor;
            return new Made(own ? FATAL + fatal.group(1) : NOT_RUN, regs);
        }
    }

    /** Whether the outcome is one of those that were recorded or are allowed. */
    boolean isKnown() {
        boolean fatal = anyFatal();
        boolean known = false;
        for (JsonValue outcome : test.get("outcomes").items()) {
            known |= matches(outcome, "t1", first, fatal)
                    && matches(outcome, "t2", second, fatal)
                    && (fatal
                            || inspection == null
                            || outcome.get("final").text().equals(finalState()));
        }
        for (JsonValue outcome : test.get("allowed_by_reading").items()) {
            known |= statusesMatch(outcome.get("t1"), first, fatal) && statusesMatch(outcome.get("t2"), second, fatal);
        }
        return known && (fatal || inspection == null || nothingHeld());
    }

    private boolean anyFatal() {
        return first.stream().anyMatch(call -> call.status().startsWith(FATAL))
                || second.stream().anyMatch(call -> call.status().startsWith(FATAL));
    }

    private static boolean matches(JsonValue outcome, String thread, List<Made> made, boolean fatal) {
        return statusesMatch(outcome.get(thread), made, fatal)
                && (fatal || registersMatch(outcome.find(thread + "_out"), made));
    }

    private static boolean statusesMatch(JsonValue recorded, List<Made> made, boolean fatal) {
        boolean same = true;
        for (int i = 0; i < made.size(); i++) {
            String status = made.get(i).status();
            same &= recorded.item(i).text().equals(status) || (fatal && status.equals(NOT_RUN));
        }
        return same;
    }

    private static boolean registersMatch(JsonValue recorded, List<Made> made) {
        if (recorded == null) {
            return true;
        }
        boolean same = true;
        for (int i = 0; i < made.size(); i++) {
            JsonValue registers = recorded.item(i);
            for (TdxOperand register : SeamcallRegisters.OPERANDS) {
                JsonValue listed = registers.find(Registers.name(register));
                same &= listed == null || listed.number() == made.get(i).regs().get(register);
            }
        }
        return same;
    }

    private boolean nothingHeld() {
        boolean free = true;
        for (JsonValue region : test.get("regions").fields().values()) {
            free &= (inspection.lockWord(PageLevel.SIZE_2M, region.number()) & HELD) == 0;
        }
        return free;
    }

    /** The state afterwards, written as in the recording. */
    private String finalState() {
        List<String> parts = new ArrayList<>();
        test.get("regions").fields().forEach((name, region) -> parts.add(name + "=" + entry(region.number())));
        test.get("watch").fields().forEach((name, hpa) -> {
            if (!name.startsWith("L.")) {
                parts.add(name + "=" + Long.toHexString(watched(name, hpa.number())));
            }
        });
        return String.join(" ", parts);
    }

    private long watched(String name, long hpa) {
        if (name.endsWith(".epoch")) {
            return inspection.epoch(regionOf(name));
        }
        if (name.endsWith(".chldcnt")) {
            return inspection.childPages(regionOf(name));
        }
        long word = machine.platform().memory().read64(hpa);
        return name.startsWith("oldpair") ? word & 0xFFFF : word;
    }

    private long regionOf(String watch) {
        return test.get("regions").get(watch.substring(0, watch.indexOf('.'))).number();
    }

    private String entry(long region) {
        long word0 = inspection.pamtEntryWord(PageLevel.SIZE_2M, region, 0);
        long word1 = inspection.pamtEntryWord(PageLevel.SIZE_2M, region, 1);
        return switch ((int) (word0 >>> TYPE_SHIFT) & TYPE_MASK) {
            case NDA -> "NDA";
            case REG -> "REG";
            default ->
                "PAMT(" + page(word0 >>> PAIR_SHIFT << PAGE_SHIFT) + "," + page(word1 >>> PAIR_SHIFT << PAGE_SHIFT)
                        + ")n" + (word1 & PAGE_COUNT);
        };
    }

    private String page(long hpa) {
        for (Map.Entry<String, JsonValue> region : test.get("regions").fields().entrySet()) {
            long offset = hpa - region.getValue().number();
            if (offset >= 0 && offset < PageLevel.SIZE_2M.bytes()) {
                return region.getKey() + (offset == 0 ? "" : "+" + (offset >>> PAGE_SHIFT));
            }
        }
        return Long.toHexString(hpa);
    }

    /** The outcome in words, with the registers that the recording lists. */
    String outcome() {
        boolean fatal = anyFatal();
        String state = inspection == null || fatal ? "" : " : " + finalState();
        return describe("t1_out", first, fatal) + " || " + describe("t2_out", second, fatal) + state;
    }

    private String describe(String listed, List<Made> made, boolean fatal) {
        JsonValue registers = fatal ? null : test.get("outcomes").item(0).find(listed);
        List<String> calls = new ArrayList<>();
        for (int i = 0; i < made.size(); i++) {
            StringBuilder call = new StringBuilder(made.get(i).status());
            if (registers != null) {
                for (TdxOperand register : SeamcallRegisters.OPERANDS) {
                    String name = Registers.name(register);
                    if (registers.item(i).has(name)) {
                        call.append(' ')
                                .append(name)
                                .append('=')
                                .append(Registers.hex(made.get(i).regs().get(register)));
                    }
                }
            }
            calls.add(call.toString());
        }
        return calls.toString();
    }
}
