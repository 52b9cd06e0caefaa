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
import dev.pamt.seamcall.conformance.Line.Call;
import dev.pamt.seamcall.conformance.Line.GuestStep;
import dev.pamt.seamcall.conformance.Line.Listed;
import dev.pamt.seamcall.conformance.Line.Note;
import dev.pamt.seamcall.conformance.Line.State;
import dev.pamt.seamcall.harness.GuestDriver;
import dev.pamt.seamcall.harness.ModuleInspection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Makes the calls of a recording and collects what differs: status, every register, and the module's state afterwards.
 *
 * <p>Where the recording's harness did to the module what the backend cannot, the calls that follow would be made in
 * another state than the recorded one. They are skipped to the end of the recording.
 */
final class Replay {
    /** Why a line is skipped that is none of those which a recording has. */
    static final String UNKNOWN_KIND = "a line of unknown kind";

    private static final long PAMT_TYPE = 0x1FL << 16;
    private static final long LOCK_AND_TYPE = 0xFFFF | PAMT_TYPE;

    private final SeamcallPlatform platform;
    private final RecordedMachine machine;
    private final ModuleInspection inspection;
    private final GuestReplay guests;
    private final Set<ComparisonRule> leftOut;
    private final ResultBuilder result;
    private final Set<Long> created = new LinkedHashSet<>();
    private String lostBecause;

    Replay(RecordedMachine machine, Set<ComparisonRule> leftOut, ResultBuilder result) {
        this.machine = machine;
        this.platform = machine.platform();
        this.leftOut = leftOut;
        this.result = result;
        inspection = platform.extension(ModuleInspection.class).orElse(null);
        GuestDriver driver = inspection == null ? null : inspection.guests().orElse(null);
        guests = driver == null ? null : new GuestReplay(inspection, driver, result);
    }

    /** Replays a line; some events can only be understood from the lines that follow. */
    void step(Line line, List<Line> following) {
        if (lostBecause != null) {
            if (!(line instanceof Note)) {
                result.skip(lostBecause);
            }
            return;
        }
        try {
            if (line instanceof Call call) {
                call(call);
            } else if (line instanceof GuestStep step) {
                guests.step(step);
            } else if (line instanceof Event event) {
                event(event, following);
            } else if (line instanceof Note note) {
                if (note.tdParams() != null) {
                    machine.writeTdParams(note.tdParams());
                }
            } else {
                result.skip(UNKNOWN_KIND);
            }
        } catch (SeamcallUnavailableException e) {
            result.differ("rax", expected(line), "the backend lost its module: " + e.getMessage());
            lostBecause = "the backend lost its module earlier in the recording";
        }
    }

    private static String expected(Line line) {
        String status = null;
        if (line instanceof Call call) {
            status = call.status();
        } else if (line instanceof GuestStep step) {
            status = step.status();
        }
        return status == null ? "the recorded outcome" : status;
    }

    private void call(Call call) {
        if (call.out() == null && guests == null) {
            lose("the backend has no guests that a harness can drive, and a vCPU is entered");
            return;
        }
        SeamcallRegisters before = call.in();
        SeamcallRegisters regs = call.inputs();
        long status;
        if (guests != null && call.rax() == SeamcallLeaf.VP_ENTER.rax()) {
            status = guests.enter(call, regs);
        } else {
            status = platform.processor(call.processor()).seamcall(call.rax(), regs);
        }
        result.call(expected(call));
        if (call.rax() == SeamcallLeaf.MNG_CREATE.rax() && status == TdxStatus.SUCCESS.code()) {
            created.add(before.rcx);
        }
        if (call.out() == null) {
            if (status != GuestDriver.ENTERED) {
                result.differ("rax", "the vCPU is entered", TdxStatus.toString(status));
            }
            return;
        }
        if (status != call.out().rax()) {
            result.differ(
                    "rax",
                    TdxStatus.toString(call.out().rax()),
                    status == GuestDriver.ENTERED ? "the vCPU is entered" : TdxStatus.toString(status));
        }
        compareRegisters(result, "", call.out().listed(), before, regs);
        if (call.post() != null) {
            comparePamt(call.post(), before);
        }
    }

    /** Compares all registers: those that are not listed must be as they were. */
    static void compareRegisters(
            ResultBuilder result, String prefix, Listed listed, SeamcallRegisters before, SeamcallRegisters after) {
        for (TdxOperand register : SeamcallRegisters.OPERANDS) {
            long expected = listed.orElse(register, before.get(register));
            result.compare(prefix + Registers.name(register), expected, after.get(register));
        }
    }

    private void comparePamt(State post, SeamcallRegisters before) {
        if (inspection == null) {
            result.skip("the backend has no inspection: PAMT entries and page bitmap after a call are not compared");
            return;
        }
        if (post.pamt2m() != null) {
            comparePamtEntry(PageLevel.SIZE_2M, pageOf(before.rcx), post.pamt2m(), "pamt_2m");
        }
        if (post.lock1g() != null) {
            result.compare("lock_1g", post.lock1g(), inspection.lockWord(PageLevel.SIZE_1G, pageOf(before.rcx)));
        }
        compareBitmap("bitmap_rdx", post.bitmapRdx(), before.rdx);
        compareBitmap("bitmap_r8", post.bitmapR8(), before.r8);
    }

    private void comparePamtEntry(PageLevel level, long hpa, List<Long> words, String name) {
        boolean stale = level == PageLevel.SIZE_2M
                && (words.get(0) & PAMT_TYPE) == 0
                && leftOut.contains(ComparisonRule.STALE_FREE_ENTRY);
        for (int i = 0; i < words.size(); i++) {
            long mask = -1;
            if (stale) {
                mask = i == 0 ? LOCK_AND_TYPE : 0;
            }
            result.compare(name + "[" + i + "]", words.get(i) & mask, inspection.pamtEntryWord(level, hpa, i) & mask);
        }
    }

    private void compareBitmap(String name, Long recorded, long hpa) {
        if (recorded != null) {
            result.compare(name, recorded, inspection.isInPageBitmap(pageOf(hpa)) ? 1 : 0);
        }
    }

    /** The page that a word names, however malformed the word is: bits 51 to 12. */
    private static long pageOf(long word) {
        return word & (1L << PhysicalRange.ADDRESS_BITS) - PageLevel.SIZE_4K.bytes();
    }

    private void event(Event event, List<Line> following) {
        String name = event.place().name();
        if (event instanceof Event.OfMemory memoryEvent) {
            useMemory(memoryEvent);
        } else if (event instanceof Event.Look look) {
            if (inspection == null) {
                result.skip("the backend has no inspection: " + name);
                return;
            }
            compare(look);
        } else if (event instanceof Event.Change change) {
            if (inspection == null) {
                lose("the backend has no inspection: " + name + ", and all calls that follow");
                return;
            }
            make(change, following);
        } else {
            result.skip("an event of unknown kind: " + name);
            return;
        }
        result.event();
    }

    private void lose(String reason) {
        lostBecause = reason;
        result.skip(reason);
    }

    private void useMemory(Event.OfMemory event) {
        PhysicalMemory memory = platform.memory();
        if (event instanceof Event.FillMemory fill) {
            for (long offset = 0; offset < fill.bytes(); offset += Long.BYTES) {
                memory.write64(fill.hpa() + offset, fill.value());
            }
        } else if (event instanceof Event.WriteMemory write) {
            memory.write64(write.hpa(), write.value());
        } else if (event instanceof Event.ReadMemory read) {
            result.compare("memory", read.value(), memory.read64(read.hpa()));
        }
    }

    private void compare(Event.Look look) {
        if (look instanceof Event.ReadPamtLock read) {
            result.compare("lock", read.raw(), inspection.lockWord(read.level(), pageOf(read.hpa())));
        } else if (look instanceof Event.ReadTdLock read) {
            result.compare("lock", read.raw(), inspection.tdLock(inspection.tdOf(read.tdvprHpa()), read.lock()));
        } else if (look instanceof Event.ReadPamtEntry read) {
            comparePamtEntry(read.level(), read.hpa(), read.words(), "pamt");
        } else if (look instanceof Event.ReadSeptEntry read) {
            long tdrHpa = inspection.tdOf(read.tdvprHpa());
            result.compare("sept", read.raw(), inspection.septEntry(tdrHpa, read.gpa(), read.level()));
        }
    }

    private void make(Event.Change change, List<Line> following) {
        if (change instanceof Event.SetPamtLock set) {
            compareOld(set.old(), inspection.lockWord(set.level(), pageOf(set.hpa())));
            inspection.setLockWord(set.level(), pageOf(set.hpa()), set.raw());
        } else if (change instanceof Event.SetTdLock set) {
            long tdrHpa = inspection.tdOf(set.tdvprHpa());
            compareOld(set.old(), inspection.tdLock(tdrHpa, set.lock()));
            inspection.setTdLock(tdrHpa, set.lock(), set.raw());
        } else if (change instanceof Event.SetSeptEntry set) {
            setSeptEntry(set, following);
        } else if (change instanceof Event.SetKeyTableLock set) {
            inspection.setKeyTableLock(set.raw());
        } else if (change instanceof Event.EntropyFails entropy) {
            inspection.setEntropyFails(entropy.fails());
        } else if (change instanceof Event.InterruptPending interrupt) {
            inspection.setInterruptPending(interrupt.pending());
        }
    }

    private void compareOld(Long recorded, int lockWord) {
        if (recorded != null) {
            result.compare("lock before", recorded, lockWord);
        }
    }

    /**
     * Writes a Secure EPT entry as another processor would have left it. Where the line names no TD, it is the one that has
     * the old entry, and where several have it, the one that is named next.
     */
    private void setSeptEntry(Event.SetSeptEntry set, List<Line> following) {
        List<Long> having = set.tdvprHpa() != null
                ? List.of(inspection.tdOf(set.tdvprHpa()))
                : created.stream().filter(tdrHpa -> hasOldEntry(tdrHpa, set)).toList();
        if (having.isEmpty()) {
            result.differ("sept before", Registers.hex(set.old()), "no TD has it");
            return;
        }
        long tdrHpa = having.size() == 1 ? having.get(0) : namedNext(having, following);
        result.compare("sept before", set.old(), inspection.septEntry(tdrHpa, set.gpa(), set.level()));
        inspection.setSeptEntry(tdrHpa, set.gpa(), set.level(), set.raw());
    }

    private boolean hasOldEntry(long tdrHpa, Event.SetSeptEntry set) {
        try {
            return inspection.septEntry(tdrHpa, set.gpa(), set.level()) == set.old();
        } catch (IllegalArgumentException e) {
            // The TD is gone, or has no Secure EPT yet.
            return false;
        }
    }

    private long namedNext(List<Long> candidates, List<Line> following) {
        for (Line line : following) {
            long named = -1;
            if (line instanceof Call call) {
                named = call.in().rdx;
            } else if (vcpuOf(line) != null) {
                named = inspection.tdOf(vcpuOf(line));
            }
            if (candidates.contains(named)) {
                return named;
            }
        }
        return candidates.get(0);
    }

    /** The root page of the vCPU that a line names, or null. */
    private static Long vcpuOf(Line line) {
        if (line instanceof GuestStep step) {
            return step.tdvprHpa();
        } else if (line instanceof Event.ReadTdLock read) {
            return read.tdvprHpa();
        } else if (line instanceof Event.SetTdLock set) {
            return set.tdvprHpa();
        } else if (line instanceof Event.ReadSeptEntry read) {
            return read.tdvprHpa();
        } else if (line instanceof Event.SetSeptEntry set) {
            return set.tdvprHpa();
        }
        return null;
    }
}
