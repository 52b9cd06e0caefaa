package dev.pamt.lab.host;

import dev.pamt.api.SeamcallFailedException;
import dev.pamt.lab.host.LabCounts.Event;
import dev.pamt.lab.host.TdMmu.Fault;
import dev.pamt.seamcall.AccessKind;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdcallLeaf;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.harness.GuestDriver;
import dev.pamt.seamcall.harness.GuestDriver.StepResult;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The guest that runs on one vCPU, step by step: what it does, its exits, and what the host makes of them.
 *
 * <p>A host that wants the vCPU out of the guest sets a flag; the thread that drives the vCPU looks at it between two steps, and takes an
 * interrupt then. So no step is cut short, and who waits for the vCPU waits for one step at most.
 *
 * <p><b>Thread-safety:</b> one thread drives the vCPU; any thread may {@link #kick} it, {@link #keepOut keep it out} and {@link #letIn let it
 * in}.
 */
public final class Guest {
    private static final int EPT_VIOLATION = 48;
    private static final long LEVEL_2M = 1;

    private final LabHost host;
    private final Td td;
    private final Vcpu vcpu;
    /** Registers of VP.ENTER: the driver keeps them until the guest has left. */
    private final SeamcallRegisters enterRegs = new SeamcallRegisters();

    private final SeamcallRegisters guestRegs = new SeamcallRegisters();
    private boolean longMode;

    /** Counts entries; odd while the vCPU is in the guest. */
    private final AtomicLong entries = new AtomicLong();

    private final AtomicInteger keepers = new AtomicInteger();
    private volatile boolean kicked;

    Guest(LabHost host, Td td, Vcpu vcpu) {
        this.host = host;
        this.td = td;
        this.vcpu = vcpu;
    }

    /**
     * Accepts pages, as a guest does that takes memory over: a whole block at once where the address and the number allow it and the host has
     * mapped it so, otherwise page by page. Exits are faults, which the host serves.
     *
     * @param gpa the first page
     * @param pages how many 4K pages
     * @param in2M whether the guest tries whole blocks first
     * @throws SeamcallFailedException if VP.ENTER or ACCEPT fails
     */
    public void accept(long gpa, int pages, boolean in2M) {
        try {
            acceptAll(gpa, gpa + pages * GuestMemory.PAGE_BYTES, in2M);
        } finally {
            leave();
        }
    }

    /**
     * Touches pages that it may not have accepted: the host maps what is missing, and a page that waits for the guest raises an exception,
     * which the guest looks at and otherwise ignores.
     *
     * @param gpa the first page
     * @param pages how many 4K pages
     * @throws SeamcallFailedException if VP.ENTER fails
     */
    public void touch(long gpa, int pages) {
        try {
            for (int page = 0; page < pages; page++) {
                touch(gpa + page * GuestMemory.PAGE_BYTES);
            }
        } finally {
            leave();
        }
    }

    private void touch(long gpa) {
        for (Patience patience = new Patience(); patience.waits(); ) {
            enter();
            StepResult step = host.guests().access(vcpu.processor(), gpa, AccessKind.WRITE);
            switch (step.outcome()) {
                case DONE -> {
                    return;
                }
                case EXCEPTION -> {
                    guestRegs.clear();
                    host.guests().tdcall(vcpu.processor(), TdcallLeaf.VP_VEINFO_GET.rax(), guestRegs);
                    host.guests().advance(vcpu.processor());
                    return;
                }
                case INTERRUPTED -> leave();
                case EXIT -> {
                    left();
                    serve(step.value(), gpa, LEVEL_2M);
                }
            }
        }
        throw new IllegalStateException(String.format("page 0x%x could not be reached", gpa));
    }

    private void acceptAll(long gpa, long end, boolean in2M) {
        for (long at = gpa; at < end; ) {
            boolean whole = in2M && at % GuestMemory.BLOCK_BYTES == 0 && end - at >= GuestMemory.BLOCK_BYTES;
            if (whole && accept(at, LEVEL_2M)) {
                host.counts().count(Event.ACCEPTED, GuestMemory.PAGES_PER_BLOCK);
                at += GuestMemory.BLOCK_BYTES;
                continue;
            }
            long blockEnd = whole ? at + GuestMemory.BLOCK_BYTES : Math.min(end, at + GuestMemory.PAGE_BYTES);
            for (; at < blockEnd; at += GuestMemory.PAGE_BYTES) {
                accept(at, 0);
                host.counts().count(Event.ACCEPTED);
            }
        }
    }

    /** Accepts one page; false if it is mapped in smaller pages than the guest asked for. */
    private boolean accept(long gpa, long level) {
        for (Patience patience = new Patience(); patience.waits(); ) {
            enter();
            guestRegs.clear();
            guestRegs.rcx = gpa | level;
            StepResult step = host.guests().tdcall(vcpu.processor(), TdcallLeaf.MEM_PAGE_ACCEPT.rax(), guestRegs);
            switch (step.outcome()) {
                case DONE -> {
                    long status = step.value();
                    host.guests().advance(vcpu.processor());
                    if (TdxStatus.PAGE_SIZE_MISMATCH.matches(status)) {
                        return false;
                    }
                    if (!TdxStatus.isError(status)) {
                        return true;
                    }
                    if (!TdxStatus.OPERAND_BUSY.matches(status)) {
                        throw new IllegalStateException(String.format(
                                "TDG.MEM.PAGE.ACCEPT of 0x%x answered %s", gpa, TdxStatus.toString(status)));
                    }
                    host.counts().count(Event.BUSY);
                }
                case INTERRUPTED -> leave();
                case EXIT -> {
                    left();
                    serve(step.value(), gpa, level);
                }
                default ->
                    throw new IllegalStateException(String.format("ACCEPT of 0x%x raised %d", gpa, step.value()));
            }
        }
        throw new IllegalStateException(String.format("page 0x%x could not be accepted", gpa));
    }

    /** Serves an exit: the host maps the page that the guest wants, in its size. */
    private void serve(long exit, long gpa, long level) {
        if ((exit & 0xFFFF) != EPT_VIOLATION || TdxStatus.isError(exit)) {
            throw new IllegalStateException(String.format("%s: an exit that no ACCEPT makes: 0x%x", td.name(), exit));
        }
        Fault fault;
        do {
            fault = td.mmu().fault(vcpu, gpa, level == 0);
            if (fault == Fault.LARGER) {
                td.mmu().split(GuestMemory.blockOf(gpa));
            }
        } while (fault != Fault.MAPPED);
    }

    /** Enters the guest, unless the vCPU is in it already and no thread wants it out. */
    private void enter() {
        if ((entries.get() & 1) != 0) {
            if (!kicked && keepers.get() == 0) {
                return;
            }
            leave();
        }
        if (vcpu.sharesProcessor()) {
            throw new IllegalStateException("a vCPU whose guest runs needs a logical processor of its own; " + td.name()
                    + " has more vCPUs than there are free ones");
        }
        while (true) {
            kicked = false;
            entries.incrementAndGet();
            if (keepers.get() == 0) {
                break;
            }
            entries.incrementAndGet();
            awaitLetIn();
        }
        enterRegs.clear();
        enterRegs.rcx = vcpu.tdvprHpa();
        long status;
        boolean inside = false;
        try {
            // A TRACK that is under way makes it busy.
            Patience patience = new Patience();
            do {
                status = host.guests().enter(vcpu.processor(), enterRegs);
            } while (TdxStatus.OPERAND_BUSY.matches(status) && patience.waits());
            inside = status == GuestDriver.ENTERED;
        } finally {
            if (!inside) {
                entries.incrementAndGet();
            }
        }
        if (!inside) {
            throw new SeamcallFailedException(SeamcallLeaf.VP_ENTER, status, td.name());
        }
        if (!longMode) {
            host.guests().enterLongMode(vcpu.processor());
            longMode = true;
        }
    }

    /** Leaves the guest, if the vCPU is in it. */
    void leave() {
        if ((entries.get() & 1) != 0) {
            host.guests().interrupt(vcpu.processor());
            left();
        }
    }

    private void left() {
        entries.incrementAndGet();
    }

    private void awaitLetIn() {
        Patience patience = new Patience();
        while (keepers.get() > 0) {
            patience.waits();
        }
    }

    /** Makes the vCPU leave the guest once, and waits until it has; false if it was not in it. */
    boolean kick() {
        long seen = entries.get();
        if ((seen & 1) == 0) {
            return false;
        }
        kicked = true;
        Patience patience = new Patience();
        while (entries.get() == seen) {
            patience.waits();
        }
        return true;
    }

    /** Lets the vCPU into the guest no more. */
    void keepOut() {
        keepers.incrementAndGet();
    }

    /** Lets the vCPU in again. */
    void letIn() {
        keepers.decrementAndGet();
    }
}
