package dev.pamt.seamcall.emulator.sept;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.memory.Words;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.td.Td;
import java.util.function.Function;

/**
 * Secure EPT as a guest meets it: TDG.MEM.PAGE.ACCEPT and ATTR.WR, and the walk of the processor for a plain access (TDX module
 * 1.5.25, tdg_mem_page_accept.c, tdg_mem_page_attr_wr.c, td_ept_violation.c).
 *
 * <p>A guest takes no lock but that of the entry it accepts; what keeps the tree in place is that its vCPU is inside.
 */
public final class GuestPages {
    /** What an action on a page comes to; the details are in {@link Visit}. */
    public enum Result {
        /** ACCEPT is over, with a status for the guest. */
        STATUS,
        /** ACCEPT was turned away because the host has priority. */
        HOST_PRIORITY,
        /** ACCEPT of a 2M page was interrupted and will go on where it was. */
        INTERRUPTED,
        /** The access has gone through. */
        ACCESSIBLE,
        /** The page waits to be accepted. */
        PENDING,
        /** The guest address cannot be: a page fault of the guest's own. */
        BAD_ADDRESS,
        /** The host must see to it. */
        VIOLATION
    }

    /** What a guest found at an address. */
    public static final class Visit {
        private Result result;
        private long status;
        private long extendedQualification;

        private Visit(Result result) {
            this.result = result;
        }

        /** What it comes to. */
        public Result result() {
            return result;
        }

        /** The status for the guest. */
        public long status() {
            return status;
        }

        /** The extended qualification of a violation. */
        public long extendedQualification() {
            return extendedQualification;
        }

        static Visit status(long status) {
            Visit visit = new Visit(Result.STATUS);
            visit.status = status;
            return visit;
        }
    }

    private static final long LEVEL = 7;
    private static final long RESERVED = 0xFF8 | -1L << 52;
    private static final int PAGES_IN_2M = 512;
    private static final int VIOLATION_BY_ACCEPT = 1;

    private final SeptAccess access;
    private final L2Trees l2Trees;
    private final GuestAliases aliases;
    private final SparseMemory memory;

    GuestPages(Machine machine, SeptAccess access, L2Trees l2Trees) {
        this.access = access;
        this.l2Trees = l2Trees;
        aliases = new GuestAliases(this, l2Trees);
        memory = machine.memory();
    }

    /** Accepts a page. */
    public Visit accept(LogicalProcessor lp, Td td, long gpaAndLevel) {
        return onEntry(td, gpaAndLevel, PageLevel.SIZE_2M, VIOLATION_BY_ACCEPT, at -> acceptLocked(lp, at));
    }

    /** Gives L2 VMs access to a page: RCX is the page, RDX the attributes, R8 the mask; RCX and RDX are also written. */
    public Visit writeAttributes(Td td, SeamcallRegisters regs) {
        return aliases.write(td, regs);
    }

    /** Checks an address, finds and locks its entry for a guest, and acts on it; the action gives the lock back. */
    Visit onEntry(Td td, long gpaAndLevel, PageLevel highest, int violationType, Function<GpaCall, Visit> action) {
        int asked = (int) (gpaAndLevel & LEVEL);
        long gpa = gpaAndLevel & ~LEVEL;
        boolean good = asked <= highest.code()
                && (gpa & RESERVED) == 0
                && (gpa & (1L << SeptAccess.shift(asked)) - 1) == 0
                && access.isPrivate(td, gpa);
        if (!good) {
            return Visit.status(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX));
        }
        GpaCall at = find(td, gpa, asked);
        if (at.level != asked) {
            return violationType == VIOLATION_BY_ACCEPT && at.state() == SeptState.MAPPED
                    ? Visit.status(TdxStatus.PAGE_ALREADY_ACCEPTED.with(at.level))
                    : violation(at, asked, violationType);
        }
        return switch (SeptEntry.acquireByGuest(at.words, at.index)) {
            case BUSY -> Visit.status(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX));
            case HOST_PRIORITY -> new Visit(Result.HOST_PRIORITY);
            case ACQUIRED -> {
                at.entry = Words.lv(at.words, at.index);
                yield action.apply(at);
            }
        };
    }

    private Visit acceptLocked(LogicalProcessor lp, GpaCall at) {
        SeptState state = at.state();
        if (state == SeptState.PENDING) {
            return acceptPending(lp, at);
        }
        SeptEntry.release(at.words, at.index);
        if (state == SeptState.MAPPED) {
            return Visit.status(TdxStatus.PAGE_ALREADY_ACCEPTED.with(at.level));
        }
        boolean smaller = state == SeptState.NL_MAPPED || state == SeptState.NL_BLOCKED;
        return smaller
                ? Visit.status(TdxStatus.PAGE_SIZE_MISMATCH.with(at.level))
                : violation(at, at.level, VIOLATION_BY_ACCEPT);
    }

    private Visit acceptPending(LogicalProcessor lp, GpaCall at) {
        long page = access.pageHpa(at);
        if (at.level == 0) {
            memory.zeroPage(page);
        } else {
            for (int done = SeptEntry.acceptedPages(at.entry); done < PAGES_IN_2M; ) {
                memory.zeroPage(page + (long) done * SparseMemory.PAGE_BYTES);
                done++;
                if (done < PAGES_IN_2M && lp.interruptPending()) {
                    SeptEntry.publish(at.words, at.index, SeptEntry.withAcceptedPages(at.entry, done));
                    return new Visit(Result.INTERRUPTED);
                }
            }
        }
        l2Trees.updateAliases(at, L2Entry::unblocked);
        SeptEntry.publish(at.words, at.index, SeptEntry.inState(at.entry, SeptState.MAPPED, at.level));
        return Visit.status(0);
    }

    /** Looks at memory as a plain access does; there is no TLB, so a blocked page faults at once. */
    public Visit look(Td td, long gpa) {
        long shared = 1L << td.params().privateGpaBits();
        if (!access.isPrivate(td, gpa & ~shared)) {
            return new Visit(Result.BAD_ADDRESS);
        }
        if ((gpa & shared) != 0) {
            return new Visit(Result.VIOLATION);
        }
        return switch (find(td, gpa, 0).state()) {
            case MAPPED -> new Visit(Result.ACCESSIBLE);
            case PENDING -> new Visit(Result.PENDING);
            default -> new Visit(Result.VIOLATION);
        };
    }

    /** Whether a plain access would go out to the host. */
    public boolean faultsOut(Td td, long gpa) {
        Result result = look(td, gpa).result();
        return result == Result.VIOLATION
                || (result == Result.PENDING && td.params().septVeDisable());
    }

    private GpaCall find(Td td, long gpa, int level) {
        GpaCall at = new GpaCall(td, gpa);
        access.descend(at, 0, level);
        return at;
    }

    /** The type, level asked for 34:32, level reached 37:35, state there 45:38, leaf 46. */
    static Visit violation(GpaCall at, int asked, int type) {
        Visit visit = new Visit(Result.VIOLATION);
        visit.extendedQualification = type
                | (long) asked << 32
                | (long) at.level << 35
                | (long) at.state().architectural() << 38
                | (SeptEntry.isLeaf(at.entry) ? 1L << 46 : 0);
        return visit;
    }
}
