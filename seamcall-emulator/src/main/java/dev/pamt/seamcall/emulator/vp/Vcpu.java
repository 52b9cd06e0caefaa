package dev.pamt.seamcall.emulator.vp;

import dev.pamt.seamcall.emulator.pamt.PamtWalk;
import dev.pamt.seamcall.emulator.td.Td;
import dev.pamt.seamcall.emulator.td.TdHold;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A vCPU: what its root page holds.
 *
 * <p>Guarded by the PAMT lock of that page: written under the exclusive lock, or, once it is ready, by the processor that
 * is entering it.
 */
public final class Vcpu {
    /** What a vCPU is doing. */
    public enum State {
        /** Its pages are being put together. */
        UNINITIALIZED(0),
        /** It can be entered. */
        READY(2),
        /** A processor is inside. */
        ACTIVE(4);

        private final int code;

        State(int code) {
            this.code = code;
        }

        /** The number of the state in statuses. */
        public int code() {
            return code;
        }
    }

    /** The number of pages that a vCPU can have. */
    static final int MAX_PAGES = 15;

    /** No processor. */
    static final int NO_PROCESSOR = -1;

    private static final int MIN_PAGES = 6;
    private static final int PAGES_PER_L2_VM = 3;

    private final long tdvprHpa;
    private final Td td;
    private int pages = 1;
    private final AtomicReference<State> state = new AtomicReference<>(State.UNINITIALIZED);
    private final GuestState guest = new GuestState();
    private PamtWalk heldRoot;
    private TdHold heldTd;
    private final InterruptPosting interrupts = new InterruptPosting();
    private final AtomicInteger processor = new AtomicInteger(NO_PROCESSOR);

    Vcpu(long tdvprHpa, Td td) {
        this.tdvprHpa = tdvprHpa;
        this.td = td;
    }

    /** The address of the root page. */
    public long tdvprHpa() {
        return tdvprHpa;
    }

    /** The TD of the vCPU. */
    public Td td() {
        return td;
    }

    int pages() {
        return pages;
    }

    void addPage() {
        pages++;
    }

    /** Whether it has as many pages as a vCPU of its TD needs. */
    boolean hasAllPages() {
        return pages >= MIN_PAGES + PAGES_PER_L2_VM * td.params().l2Vms();
    }

    /** What the vCPU is doing. */
    public State state() {
        return state.get();
    }

    void setState(State next) {
        state.set(next);
    }

    /** Makes a vCPU that is ready the caller's to run; all other processors find it active. */
    boolean tryActivate() {
        return state.compareAndSet(State.READY, State.ACTIVE);
    }

    /** The guest in the vCPU. */
    public GuestState guest() {
        return guest;
    }

    /** Keeps the locks of a processor that goes inside. */
    void keep(PamtWalk root, TdHold hold) {
        heldRoot = root;
        heldTd = hold;
    }

    /** Comes outside: the vCPU is ready again, and the locks that were kept are given back. */
    void letGo() {
        TdHold hold = heldTd;
        PamtWalk root = heldRoot;
        heldTd = null;
        heldRoot = null;
        // From here on another processor may go inside and keep locks of its own.
        state.set(State.READY);
        hold.release();
        root.release();
    }

    /** What the host has set to deliver interrupts. */
    InterruptPosting interrupts() {
        return interrupts;
    }

    /** The processor with which the vCPU is associated. */
    int processor() {
        return processor.get();
    }

    /** Associates the vCPU with a processor if it is with none; whether it is with this one now. */
    boolean associate(int withProcessor) {
        int before = processor.compareAndExchange(NO_PROCESSOR, withProcessor);
        if (before == NO_PROCESSOR) {
            td.countAssociatedVcpu();
        }
        return before == NO_PROCESSOR || before == withProcessor;
    }

    void dissociate() {
        processor.set(NO_PROCESSOR);
        td.countDissociatedVcpu();
    }
}
