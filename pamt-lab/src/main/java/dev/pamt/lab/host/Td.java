package dev.pamt.lab.host;

import dev.pamt.api.PamtException;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.api.VmPageCache;
import dev.pamt.lab.host.LabCounts.Event;
import dev.pamt.lab.host.PamtPolicy.Use;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxStatus;
import java.util.ArrayList;
import java.util.List;

/**
 * A TD as the host sees it, from its first page to its last: the SEAMCALLs of its life in the order in which KVM makes them.
 *
 * <p>A page is recorded when the module has it. One that the module refuses goes back at once, so what is recorded is what has to be
 * reclaimed. A page that the module does not let go is lost on purpose, with its reference: dropping that could take the pair away under a
 * page that the module still has.
 *
 * <p><b>Thread-safety:</b> {@link #build} first, by one thread; then its vCPUs, each by one thread at a time, and {@link #mmu} by any
 * thread; {@link #stop} when no vCPU runs any more, then the reclaims, which different threads may do for different blocks; {@link #end}
 * last.
 */
public final class Td {
    /** What a TD can do. */
    public enum State {
        /** It has no key yet, or its memory is not complete. */
        BUILDING,
        /** Its vCPUs can run, and fault. */
        RUNNABLE,
        /** The module has not let a page of it go. Its vCPUs do not run any more; it can be stopped. */
        BUGGED,
        /** It has no key any more; its pages can be reclaimed. */
        DEAD
    }

    private static final int NO_KEY = -1;

    private final LabHost host;
    private final String name;
    private final GuestMemory memory;
    private final List<Vcpu> vcpus = new ArrayList<>();
    private final VmPageCache cache;
    private final TdMmu mmu;
    /** The TD root first, then its control pages. */
    private final PageList pages = new PageList();

    private boolean started;
    private int hkid = NO_KEY;
    private volatile State state = State.BUILDING;

    Td(LabHost host, String name, int vcpus, GuestMemory memory) {
        this.host = host;
        this.name = name;
        this.memory = memory;
        cache = host.manager().newVmCache();
        mmu = new TdMmu(host, this, memory);
        for (int index = 0; index < vcpus; index++) {
            this.vcpus.add(new Vcpu(host, this, index));
        }
    }

    /**
     * The name of the TD, for messages.
     *
     * @return a word
     */
    public String name() {
        return name;
    }

    /**
     * What it can do now.
     *
     * @return the state
     */
    public State state() {
        return state;
    }

    /**
     * Its memory.
     *
     * @return the memory that it was made with
     */
    public GuestMemory memory() {
        return memory;
    }

    /**
     * Its vCPUs.
     *
     * @return in the order of their numbers
     */
    public List<Vcpu> vcpus() {
        return vcpus;
    }

    /**
     * The mappings of its memory.
     *
     * @return what faults, splits and zaps
     */
    public TdMmu mmu() {
        return mmu;
    }

    VmPageCache cache() {
        return cache;
    }

    long tdr() {
        return pages.first();
    }

    /**
     * Builds the TD: MNG.CREATE to MNG.INIT, its vCPUs, the first pages of its memory by PAGE.ADD, MR.FINALIZE.
     *
     * @param imagePages how many 4K pages of its memory are there from the start, with contents
     * @throws PamtException if the host has too little memory, or the module refuses a call; {@link #stop} and {@link #end} clear up
     */
    public void build(int imagePages) {
        SeamcallRegisters regs = new SeamcallRegisters();
        host.policy().onTdStart();
        started = true;
        give(pages, page -> hkid = host.module().createTd(regs, page));
        host.module().configureKey(regs, tdr());
        for (int i = 0; i < host.control().tdcs(); i++) {
            give(pages, page -> host.module().addTdcx(regs, page, tdr()));
        }
        long scratch = host.allocPage("TD_PARAMS");
        try {
            host.module().initTd(regs, tdr(), vcpus.size(), scratch);
        } finally {
            host.allocator().freePage(scratch);
        }
        for (Vcpu vcpu : vcpus) {
            build(vcpu);
        }
        for (int page = 0; page < imagePages; page++) {
            mmu.add(vcpus.get(0), page * GuestMemory.PAGE_BYTES);
        }
        host.module().finalizeTd(regs, tdr());
        state = State.RUNNABLE;
    }

    private void build(Vcpu vcpu) {
        give(vcpu.pages, page -> host.module().createVcpu(vcpu.regs, page, tdr()));
        for (int i = 1; i < host.control().tdvps(); i++) {
            give(vcpu.pages, page -> host.module().addVcpuPage(vcpu.regs, page, vcpu.tdvprHpa()));
        }
        host.module().initVcpu(vcpu.regs, vcpu.tdvprHpa(), vcpu.processor());
        vcpu.initialised = true;
    }

    /** A SEAMCALL that gives the module a page. */
    private interface Giving {
        void give(long hpa);
    }

    private void give(PageList to, Giving giving) {
        long page = host.allocControlPage();
        boolean given = false;
        try {
            while (!given) {
                given = isGiven(giving, page);
            }
        } finally {
            if (!given) {
                host.freePage(Use.CONTROL, page, false);
            }
        }
        to.add(page);
    }

    /** Makes the call; false if a pair was missing that is there now. */
    private boolean isGiven(Giving giving, long page) {
        try {
            giving.give(page);
            return true;
        } catch (SeamcallFailedException e) {
            if (TdxStatus.MISSING_PAMT_PAGE_PAIR.matches(e.status())
                    && host.policy().onMissingPair(page)) {
                host.counts().count(Event.MISSING_PAIR);
                return false;
            }
            throw e;
        }
    }

    /** Gives the TD up: the module has not let a page of it go. */
    void bug() {
        if (state != State.BUGGED) {
            state = State.BUGGED;
            host.counts().count(Event.BUGGED_TD);
        }
    }

    /**
     * Takes the vCPUs from their processors and the key from the TD. Afterwards its pages can be reclaimed.
     *
     * @throws PamtException if the module refuses; nothing of the TD can come back then
     */
    public void stop() {
        SeamcallRegisters regs = new SeamcallRegisters();
        for (Vcpu vcpu : vcpus) {
            vcpu.guest().leave();
            vcpu.emptyHands();
        }
        cache.close();
        if (hkid != NO_KEY) {
            for (Vcpu vcpu : vcpus) {
                if (vcpu.initialised) {
                    host.module().flushVcpu(regs, vcpu.tdvprHpa(), vcpu.processor());
                }
            }
            host.module().freeKey(regs, tdr(), hkid);
        }
        state = State.DEAD;
    }

    /**
     * Reclaims the mapped pages of some blocks, and the tables that led to them; the memory keeps its pages.
     *
     * @param vcpu whose processor makes the calls
     * @param firstBlock the first block
     * @param endBlock the block after the last one
     * @param freesMemory whether the memory of the blocks goes back to the host as well
     */
    public void reclaim(Vcpu vcpu, int firstBlock, int endBlock, boolean freesMemory) {
        for (int block = firstBlock; block < endBlock; block++) {
            mmu.reclaimBlock(vcpu, block, freesMemory);
        }
    }

    /** Reclaims what is left of the TD: upper tables, vCPUs, control pages and, last of all, its root. */
    public void end() {
        SeamcallRegisters regs = new SeamcallRegisters();
        mmu.reclaimTables(regs);
        for (Vcpu vcpu : vcpus) {
            takeBack(regs, vcpu.pages);
            vcpu.end();
        }
        // Backwards: the TD root came first, and goes last.
        takeBack(regs, pages);
        if (started) {
            started = false;
            host.policy().onTdEnd();
        }
    }

    private void takeBack(SeamcallRegisters regs, PageList from) {
        while (!from.isEmpty()) {
            reclaim(regs, 0, Use.CONTROL, from.removeLast());
        }
    }

    /** Takes a control or Secure EPT page back from the module, or loses it. */
    void reclaim(SeamcallRegisters regs, int processor, Use use, long page) {
        long status = host.module().on(processor).pageReclaim(regs, page);
        if (TdxStatus.isError(status)) {
            host.counts().count(Event.LOST_PAGE);
            host.complain(name, SeamcallLeaf.PHYMEM_PAGE_RECLAIM, status, page);
        } else {
            host.freePage(use, page, TdMmu.isHint(regs.r9));
        }
    }
}
