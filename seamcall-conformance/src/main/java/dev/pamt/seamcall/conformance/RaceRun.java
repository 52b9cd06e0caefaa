package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.conformance.Line.Call;
import dev.pamt.seamcall.conformance.Line.Listed;
import dev.pamt.seamcall.conformance.Line.Note;
import dev.pamt.seamcall.conformance.Line.RaceOutcome;
import dev.pamt.seamcall.conformance.Line.RaceStatuses;
import dev.pamt.seamcall.conformance.Line.RecordedRace;
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
    private final RecordedRace race;
    private final Litmus.RaceListener listener;
    private final int headStart;
    private final ModuleInspection inspection;
    private final AtomicInteger arrived = new AtomicInteger();
    private List<Made> first = List.of();
    private List<Made> second = List.of();

    RaceRun(RecordedMachine machine, RecordedRace race, Litmus.RaceListener listener, int headStart) {
        this.machine = machine;
        this.race = race;
        this.listener = listener;
        this.headStart = headStart;
        inspection = machine.platform().extension(ModuleInspection.class).orElse(null);
    }

    void run(ExecutorService other) throws InterruptedException {
        for (Line line : race.setup()) {
            if (line instanceof Note note) {
                machine.writeTdParams(note.tdParams());
            } else if (line instanceof Call call) {
                setUp(call);
            }
        }
        listener.raceBegins();
        Future<List<Made>> beside = other.submit(() -> program(1, race.second(), headStart));
        first = program(0, race.first(), -headStart);
        try {
            second = beside.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException("the backend threw on processor 1: " + e.getCause(), e.getCause());
        } finally {
            listener.raceEnds();
        }
    }

    private void setUp(Call call) {
        String status = call(0, call).status();
        if (!status.equals(call.status())) {
            throw new BringUpException("in the setup of " + race.name() + " "
                    + call.place().name() + " gave " + status + ", recorded was " + call.status());
        }
    }

    private List<Made> program(int processor, List<Call> calls, int delay) {
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
        for (Call call : calls) {
            boolean stopped =
                    !made.isEmpty() && isStop(made.get(made.size() - 1).status());
            made.add(stopped ? new Made(NOT_RUN, new SeamcallRegisters()) : call(processor, call));
        }
        return made;
    }

    private static boolean isStop(String status) {
        return status.equals(NOT_RUN) || status.startsWith(FATAL);
    }

    private Made call(int processor, Call call) {
        SeamcallRegisters regs = call.inputs();
        try {
            long status = machine.platform().processor(processor).seamcall(call.rax(), regs);
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
        for (RaceOutcome outcome : race.outcomes()) {
            known |= statusesMatch(outcome.statuses(), fatal)
                    && (fatal
                            || (registersMatch(outcome.firstOut(), first)
                                    && registersMatch(outcome.secondOut(), second)
                                    && (inspection == null
                                            || outcome.finalState().equals(finalState()))));
        }
        for (RaceStatuses statuses : race.allowed()) {
            known |= statusesMatch(statuses, fatal);
        }
        return known && (fatal || inspection == null || nothingHeld());
    }

    private boolean anyFatal() {
        return first.stream().anyMatch(call -> call.status().startsWith(FATAL))
                || second.stream().anyMatch(call -> call.status().startsWith(FATAL));
    }

    private boolean statusesMatch(RaceStatuses recorded, boolean fatal) {
        return statusesMatch(recorded.first(), first, fatal) && statusesMatch(recorded.second(), second, fatal);
    }

    private static boolean statusesMatch(List<String> recorded, List<Made> made, boolean fatal) {
        boolean same = true;
        for (int i = 0; i < made.size(); i++) {
            String status = made.get(i).status();
            same &= recorded.get(i).equals(status) || (fatal && status.equals(NOT_RUN));
        }
        return same;
    }

    private static boolean registersMatch(List<Listed> recorded, List<Made> made) {
        if (recorded == null) {
            return true;
        }
        boolean same = true;
        for (int i = 0; i < made.size(); i++) {
            SeamcallRegisters expected = new SeamcallRegisters().set(made.get(i).regs());
            recorded.get(i).into(expected);
            same &= expected.equals(made.get(i).regs());
        }
        return same;
    }

    private boolean nothingHeld() {
        boolean free = true;
        for (long regionHpa : race.regions().values()) {
            free &= (inspection.lockWord(PageLevel.SIZE_2M, regionHpa) & HELD) == 0;
        }
        return free;
    }

    /** The state afterwards, written as in the recording. */
    private String finalState() {
        List<String> parts = new ArrayList<>();
        race.regions().forEach((name, hpa) -> parts.add(name + "=" + entry(hpa)));
        race.watch().forEach((name, hpa) -> {
            if (!name.startsWith("L.")) {
                parts.add(name + "=" + Long.toHexString(watched(name, hpa)));
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
        String name = watch.substring(0, watch.indexOf('.'));
        Long region = race.regions().get(name);
        if (region == null) {
            throw new MalformedLineException(watch + " is watched, but no region is named " + name);
        }
        return region;
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
        for (Map.Entry<String, Long> region : race.regions().entrySet()) {
            long offset = hpa - region.getValue();
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
        RaceOutcome listed = race.outcomes().get(0);
        return describe(fatal ? null : listed.firstOut(), first) + " || "
                + describe(fatal ? null : listed.secondOut(), second) + state;
    }

    private static String describe(List<Listed> registers, List<Made> made) {
        List<String> calls = new ArrayList<>();
        for (int i = 0; i < made.size(); i++) {
            StringBuilder call = new StringBuilder(made.get(i).status());
            if (registers != null) {
                for (TdxOperand register : SeamcallRegisters.OPERANDS) {
                    if (registers.get(i).registers().containsKey(register)) {
                        call.append(' ')
                                .append(Registers.name(register))
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
