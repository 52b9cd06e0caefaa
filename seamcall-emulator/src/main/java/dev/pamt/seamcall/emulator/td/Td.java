package dev.pamt.seamcall.emulator.td;

import dev.pamt.seamcall.emulator.lock.SharedExclusiveLock;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What the root page and the control pages of a TD hold: its life cycle, key, operation state and TLB epochs.
 *
 * <p>Who may touch what: life cycle, control pages, key packages, parameters and operation state are written under the
 * exclusive PAMT lock of the root page and read under any lock of it. {@code locks} are the host-priority locks of the
 * operation state and of the Secure EPT tree, taken beside a shared lock of the root page. The epoch moves under the
 * exclusive epoch lock; vCPUs enter under the shared one. Counters change under a shared lock of the root page, hence
 * atomics.
 */
public final class Td {
    /** The index of the OP_STATE lock in {@link #locks()}. */
    public static final int OP_STATE_LOCK = 0;

    /** The index of the Secure EPT tree lock in {@link #locks()}. */
    public static final int SEPT_TREE_LOCK = 1;

    /** The number of control pages without which a TD has no control structure. */
    public static final int MIN_CONTROL_PAGES = 6;

    /** The number of control pages that a TD can have. */
    public static final int MAX_CONTROL_PAGES = 9;

    private static final int SEPT_ROOT = 3;
    private static final int FOUR_LEVEL_ROOT = 3;
    private static final int FIRST_L2_SEPT_ROOT = 6;

    private final long tdrHpa;
    private final int hkid;
    private final AtomicLong childPages = new AtomicLong();
    private final long[] locks = new long[2];
    private final long[] controlPages = new long[MAX_CONTROL_PAGES];
    private final SharedExclusiveLock epochLock = new SharedExclusiveLock();
    private final AtomicIntegerArray vcpusInEpoch = new AtomicIntegerArray(2);
    private final AtomicInteger vcpus = new AtomicInteger();
    private final AtomicInteger associatedVcpus = new AtomicInteger();
    private TdLifecycle lifecycle = TdLifecycle.HKID_ASSIGNED;
    private int keyPackages;
    private int controlPageCount;
    private volatile OpState opState = OpState.UNINITIALIZED;
    private volatile long epoch;
    private TdParams params;
    private int[] x2apicIds;

    Td(long tdrHpa, int hkid) {
        this.tdrHpa = tdrHpa;
        this.hkid = hkid;
    }

    /** The address of the root page. */
    public long tdrHpa() {
        return tdrHpa;
    }

    /** The private key id of the TD. */
    public int hkid() {
        return hkid;
    }

    /** Where the TD is in its life. */
    public TdLifecycle lifecycle() {
        return lifecycle;
    }

    void setLifecycle(TdLifecycle next) {
        lifecycle = next;
    }

    /** The number of 4K pages of the TD, its root not counted (CHLDCNT). */
    public long childPages() {
        return childPages.get();
    }

    /** Counts pages that the TD has gained, or lost if negative. */
    public void addChildPages(long pages) {
        childPages.addAndGet(pages);
    }

    /** The words of the locks of operation state and Secure EPT tree. */
    public long[] locks() {
        return locks;
    }

    /** The lock of the TLB epoch. */
    public SharedExclusiveLock epochLock() {
        return epochLock;
    }

    int keyPackages() {
        return keyPackages;
    }

    void addKeyPackage(int packageBit) {
        keyPackages |= packageBit;
    }

    int controlPageCount() {
        return controlPageCount;
    }

    void addControlPage(long hpa) {
        controlPages[controlPageCount++] = hpa;
    }

    /** The address of a control page, 0 for one that is not there. */
    long controlPageHpa(int index) {
        return controlPages[index];
    }

    /** Whether the next control page is the root of the Secure EPT. */
    boolean nextControlPageIsSeptRoot() {
        return controlPageCount == SEPT_ROOT;
    }

    /** The root page of the Secure EPT of a VM: 0 for the TD's own, 1 to 3 for the L2 VMs. */
    public long septRootHpa(int vm) {
        return controlPages[vm == 0 ? SEPT_ROOT : FIRST_L2_SEPT_ROOT + vm - 1];
    }

    /** The level of the root of its Secure EPT; before MNG.INIT chooses it, that of four levels. */
    public int rootLevel() {
        return params == null ? FOUR_LEVEL_ROOT : params.rootLevel();
    }

    /** The operation state. */
    public OpState opState() {
        return opState;
    }

    /** Makes the TD one that can run. */
    void finish() {
        opState = OpState.RUNNABLE;
    }

    void initialise(TdParams given) {
        params = given;
        x2apicIds = new int[given.maxVcpus()];
        epoch = 1;
        opState = OpState.INITIALIZED;
    }

    /** What MNG.INIT was given; null before. */
    public TdParams params() {
        return params;
    }

    /** The number of vCPUs that are initialised. */
    int vcpus() {
        return vcpus.get();
    }

    /** Counts a vCPU that is about to be initialised, and returns its index. */
    public int takeVcpuIndex() {
        return vcpus.getAndIncrement();
    }

    /** Returns the index of a vCPU that could not be initialised. */
    public void returnVcpuIndex() {
        vcpus.decrementAndGet();
    }

    /** The x2APIC id of a vCPU, by its index. */
    public int x2apicId(int vcpu) {
        return x2apicIds[vcpu];
    }

    /** Lists the x2APIC id of a vCPU. */
    public void setX2apicId(int vcpu, int id) {
        x2apicIds[vcpu] = id;
    }

    /** The number of vCPUs that are associated with a processor. */
    int associatedVcpus() {
        return associatedVcpus.get();
    }

    /** Counts a vCPU that a processor is associated with now. */
    public void countAssociatedVcpu() {
        associatedVcpus.incrementAndGet();
    }

    /** Counts a vCPU that no processor is associated with any more. */
    public void countDissociatedVcpu() {
        associatedVcpus.decrementAndGet();
    }

    /** The TLB epoch. */
    public long epoch() {
        return epoch;
    }

    /** Begins the next epoch, under the exclusive epoch lock. */
    public void beginEpoch(long next) {
        epoch = next;
    }

    /** The number of vCPUs inside that entered in an epoch of this parity. */
    public int vcpusInEpoch(long ofEpoch) {
        return vcpusInEpoch.get((int) (ofEpoch & 1));
    }

    /** Counts a vCPU that goes inside, under the shared epoch lock. */
    public void enterEpoch(long inEpoch) {
        vcpusInEpoch.incrementAndGet((int) (inEpoch & 1));
    }

    /** Counts a vCPU that comes out and went inside in an epoch. */
    public void leaveEpoch(long inEpoch) {
        vcpusInEpoch.decrementAndGet((int) (inEpoch & 1));
    }

    /** Whether no processor can still hold a translation from before a page was blocked in an epoch. */
    public boolean isTracked(long bepoch) {
        long now = epoch;
        return bepoch >= 0 && (bepoch < now - 1 || (bepoch == now - 1 && vcpusInEpoch(bepoch) == 0));
    }
}
