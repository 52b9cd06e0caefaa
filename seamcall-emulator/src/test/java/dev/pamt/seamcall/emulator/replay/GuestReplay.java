package dev.pamt.seamcall.emulator.replay;

import static dev.pamt.seamcall.emulator.replay.Recording.number;

import com.fasterxml.jackson.databind.JsonNode;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.Inspection;
import dev.pamt.seamcall.emulator.dispatch.ModuleCore;
import dev.pamt.seamcall.emulator.guest.GuestSide;
import dev.pamt.seamcall.emulator.guest.Outcome;
import dev.pamt.seamcall.emulator.td.Td;
import dev.pamt.seamcall.emulator.td.Vcpu;
import dev.pamt.seamcall.emulator.td.VcpuEntry;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The guest's side of a recording: what vCPUs do while they are inside, and how they come out. */
final class GuestReplay {
    private static final long FREE = 0xE0L << 48;
    private static final long LEAF = 0x80;

    /** Hears of differences. */
    interface Differences {
        void add(JsonNode line, String what, String recorded, String emulated);
    }

    private final RecordedHost host;
    private final ModuleCore module;
    private final JsonNode unlisted;
    private final Differences differences;
    private final Map<Integer, GuestSide.Exit> exits = new HashMap<>();
    private final Map<Integer, SeamcallRegisters> exitRegisters = new HashMap<>();
    private final Map<Long, Td> created = new LinkedHashMap<>();

    GuestReplay(RecordedHost host, JsonNode header, Differences differences) {
        this.host = host;
        this.module = Inspection.module(host.machine());
        this.unlisted = header.get("unlisted_guest_regs");
        this.differences = differences;
    }

    static boolean isGuestLine(JsonNode line) {
        return line.has("tdcall") || line.has("guest_access") || line.has("guest_event");
    }

    /** VP.ENTER up to the guest's first instruction. */
    long enter(JsonNode line, int lp, SeamcallRegisters regs) {
        Vcpu vcpu = module.vcpus().at(VcpuEntry.rootOf(regs.rcx));
        long status = module.vcpuEntry().enter(Inspection.processor(host.machine(), lp), regs);
        if (status == VcpuEntry.ENTERED) {
            if (!line.get("status").textValue().equals("ENTERED_TD")) {
                differences.add(line, "VP.ENTER", line.get("status").textValue(), "entered");
            }
            compare(
                    line,
                    "guest RAX",
                    number(line.get("guest_rax")),
                    vcpu.guest().rax());
            exitRegisters.put(lp, regs);
            exits.put(lp, new GuestSide.Exit(regs));
            // The harness switched guests to 64-bit mode by hand after their first entry.
            if (!line.path("note").asText("").contains("32-bit")) {
                vcpu.guest().enterLongMode();
            }
        }
        return status;
    }

    void created(long tdrHpa) {
        created.put(tdrHpa, module.tds().at(tdrHpa));
    }

    void step(JsonNode line) {
        int lp = line.get("lp").intValue();
        Vcpu vcpu = module.vcpus().at(number(line.get("vp")));
        if (!line.has("same_rip")) {
            vcpu.guest().advance();
        }
        if (!line.has("tdcall")) {
            // The harness wrote the guest's registers before each event.
            vcpu.guest().setRax(0);
        }
        GuestSide.Exit exit = exits.get(lp);
        SeamcallRegisters regs = new SeamcallRegisters();
        Outcome outcome;
        if (line.has("tdcall")) {
            outcome = tdcall(line, lp, vcpu, regs, exit);
        } else if (line.has("guest_access")) {
            compareEntry(line, vcpu.td(), number(line.get("gpa")), 0, 1, "before");
            outcome = module.guestSide().access(vcpu, number(line.get("gpa")), kindOf(line), exit);
        } else {
            outcome = module.guestSide().interrupt(vcpu, exit);
        }
        compareOutcome(line, outcome, exit);
        if (outcome == Outcome.EXIT && line.has("exit")) {
            compareExit(line, line.get("exit"), exit, exitRegisters.get(lp));
        }
    }

    private Outcome tdcall(JsonNode line, int lp, Vcpu vcpu, SeamcallRegisters regs, GuestSide.Exit exit) {
        JsonNode in = line.get("in");
        for (TdxOperand register : Replay.REGISTERS) {
            JsonNode given = in.get(name(register));
            regs.set(register, number(given == null ? unlisted.get(name(register)) : given));
        }
        SeamcallRegisters before = new SeamcallRegisters().set(regs);
        long rax = in.has("rax") ? number(in.get("rax")) : line.get("leaf_no").longValue();
        int level = (int) (regs.rcx & 7);
        compareEntry(line, vcpu.td(), regs.rcx & ~7L, level, 1, "before");
        Outcome outcome = module.guestSide().tdcall(Inspection.processor(host.machine(), lp), vcpu, rax, regs, exit);
        compareEntry(line, vcpu.td(), before.rcx & ~7L, level, 2, "after");
        if (line.has("out")) {
            JsonNode out = line.get("out");
            long status = vcpu.guest().rax();
            if (number(out.get("rax")) != status) {
                differences.add(
                        line, "guest status", TdxStatus.toString(number(out.get("rax"))), TdxStatus.toString(status));
            }
            for (TdxOperand register : Replay.REGISTERS) {
                JsonNode listed = out.get(name(register));
                compare(
                        line,
                        "guest " + name(register),
                        listed == null ? before.get(register) : number(listed),
                        regs.get(register));
            }
        }
        return outcome;
    }

    private void compareOutcome(JsonNode line, Outcome outcome, GuestSide.Exit exit) {
        Outcome recorded = line.has("exit")
                ? Outcome.EXIT
                : line.has("inject") ? Outcome.EXCEPTION : line.has("interrupted") ? Outcome.INTERRUPTED : Outcome.DONE;
        if (recorded != outcome) {
            differences.add(line, "outcome", recorded.toString(), outcome.toString());
        }
        if (outcome == Outcome.EXCEPTION && line.has("inject")) {
            compare(line, "vector", number(line.get("inject").get("vector")), exit.exception());
        }
    }

    private void compareExit(JsonNode line, JsonNode recorded, GuestSide.Exit exit, SeamcallRegisters regs) {
        compare(line, "exit RAX", number(recorded.get("rax")), exit.rax());
        SeamcallRegisters expected = new SeamcallRegisters();
        expected.rcx = number(recorded.get("qualification"));
        expected.rdx = number(recorded.get("ext_qualification"));
        expected.r8 = number(recorded.get("gpa"));
        expected.r9 = number(recorded.get("intr_info"));
        if (!expected.equals(regs)) {
            differences.add(line, "exit registers", expected.toString(), regs.toString());
        }
    }

    private void compareEntry(JsonNode line, Td td, long gpa, int level, int at, String when) {
        JsonNode sept = line.get("sept");
        if (sept != null && sept.size() > at) {
            long entry = entryHpa(td, gpa, Math.max(level, (int) number(sept.get(0))));
            compare(
                    line,
                    "S-EPT entry " + when,
                    number(sept.get(at)),
                    host.memory().read64(entry));
        }
    }

    /**
     * Writes a Secure EPT entry as another processor would have left it. The line does not name its TD: it is the one
     * that has the old entry, and where several have it, the one whose lines come next.
     */
    void setEntry(JsonNode line, Iterable<JsonNode> following) {
        long gpa = number(line.get("gpa"));
        int level = line.get("level").intValue();
        long old = number(line.get("old"));
        List<Td> having = created.values().stream()
                .filter(td -> host.memory().read64(entryHpa(td, gpa, level)) == old)
                .toList();
        if (having.isEmpty()) {
            differences.add(line, "S-EPT entry before", "0x" + Long.toHexString(old), "no TD has it");
            return;
        }
        Td td = having.size() == 1 ? having.get(0) : firstNamed(having, following);
        host.memory().write64(entryHpa(td, gpa, level), number(line.get("raw")));
    }

    private Td firstNamed(List<Td> candidates, Iterable<JsonNode> following) {
        for (JsonNode line : following) {
            Td named = line.has("vp")
                    ? module.vcpus().at(number(line.get("vp"))).td()
                    : created.get(number(line.path("in").path("rdx")));
            if (candidates.contains(named)) {
                return named;
            }
        }
        return candidates.get(0);
    }

    /** Writes or reads a lock of a TD. */
    void tdLock(JsonNode line) {
        Td td = module.vcpus().at(number(line.get("vp"))).td();
        String lock = line.get("lock").textValue();
        boolean write = line.get("harness").textValue().equals("set_td_lock");
        long expected = number(line.get(write ? "old" : "raw"));
        int raw = (int) number(line.get("raw"));
        if (lock.equals("epoch")) {
            compare(line, lock, expected, td.epochLock().raw());
            if (write) {
                td.epochLock().setRaw(raw);
            }
            return;
        }
        int index = lock.equals("op_state") ? Td.OP_STATE_LOCK : Td.SEPT_TREE_LOCK;
        compare(line, lock, expected, td.locks()[index]);
        if (write) {
            td.locks()[index] = raw;
        }
    }

    /** Walks as the harness did: blocked entries do not stop it. */
    private long entryHpa(Td td, long gpa, int level) {
        long table = td.septRootHpa(0);
        for (int at = 3; ; at--) {
            long hpa = table + ((gpa >>> (12 + 9 * at)) & 511) * Long.BYTES;
            long entry = host.memory().read64(hpa);
            if (at == level || (entry & FREE) == FREE || (entry & LEAF) != 0) {
                return hpa;
            }
            table = entry & (1L << 40) - 4096;
        }
    }

    private static long kindOf(JsonNode line) {
        return switch (line.get("guest_access").textValue()) {
            case "read" -> 1;
            case "write" -> 2;
            default -> 4;
        };
    }

    private static String name(TdxOperand register) {
        return register.name().toLowerCase(Locale.ROOT);
    }

    private void compare(JsonNode line, String what, long recorded, long emulated) {
        if (recorded != emulated) {
            differences.add(line, what, "0x" + Long.toHexString(recorded), "0x" + Long.toHexString(emulated));
        }
    }
}
