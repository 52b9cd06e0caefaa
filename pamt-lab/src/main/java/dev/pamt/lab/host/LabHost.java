package dev.pamt.lab.host;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.TdxHost;
import dev.pamt.lab.host.GuestMemory.Backing;
import dev.pamt.lab.host.PamtPolicy.Use;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.harness.GuestDriver;
import dev.pamt.seamcall.harness.ModuleInspection;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A host that runs TDs: its module, its page allocator, the manager of its page pairs and the policy that calls it. What KVM and the
 * TDX driver are to a real host.
 *
 * <p>Each vCPU has a logical processor of its own as long as there are enough of them; emulated ones cost nothing.
 *
 * <p><b>Thread-safety:</b> any number of threads at once.
 */
public final class LabHost {
    private static final int MOST_COMPLAINTS = 1000;

    /** Marks a processor that more than one vCPU may have. */
    static final int SHARED = 1 << 30;

    private final TdxHost host;
    private final PamtManager manager;
    private final PamtPolicy policy;
    private final TdxModule module;
    private final ControlPages control;
    private final RamPages ram;
    private final LabCounts counts = new LabCounts();
    private final AtomicInteger vcpus = new AtomicInteger();
    /** Guarded by itself. */
    private final BitSet processorsTaken = new BitSet();

    private final AtomicInteger tds = new AtomicInteger();
    private final Optional<GuestDriver> guests;
    private final Queue<String> complaints = new ConcurrentLinkedQueue<>();

    /**
     * Makes a host of one that was brought up.
     *
     * @param manager the manager of the host's page pairs
     * @param policy when pairs are given and taken back
     */
    public LabHost(PamtManager manager, PamtPolicy policy) {
        this.manager = manager;
        this.policy = policy;
        host = manager.host();
        module = new TdxModule(host);
        control = ControlPages.of(host);
        ram = new RamPages(host.memory());
        guests = guestsOf(host);
    }

    /**
     * Opens a machine and brings it up.
     *
     * @param factory the backend of the machine
     * @param memory its memory
     * @return the host, which the caller closes
     */
    public static TdxHost bringUp(SeamcallProviderFactory factory, MemoryMap memory) {
        return bringUp(factory.open(PlatformConfig.builder().cmrs(memory.cmrs()).build()), memory, true);
    }

    /**
     * Brings a machine up, and closes it if that fails.
     *
     * @param platform the machine
     * @param memory its memory
     * @param dynamic whether Dynamic PAMT is used if the module has it
     * @return the host, which the caller closes
     */
    public static TdxHost bringUp(SeamcallPlatform platform, MemoryMap memory, boolean dynamic) {
        boolean up = false;
        try {
            TdxHost host = TdxHost.bringUp(platform, memory, dynamic);
            up = true;
            return host;
        } finally {
            if (!up) {
                platform.close();
            }
        }
    }

    /**
     * Makes memory for a guest. The caller closes it when no TD maps it.
     *
     * @param bytes how much, a multiple of 2 MiB
     * @param backing what it is made of
     * @return memory that has no page yet
     */
    public GuestMemory newMemory(long bytes, Backing backing) {
        return new GuestMemory(ram, host.allocator(), policy, bytes, backing);
    }

    /**
     * Makes a TD that is yet to be built.
     *
     * @param vcpus how many vCPUs it has
     * @param memory its memory
     * @return a TD
     */
    public Td newTd(int vcpus, GuestMemory memory) {
        return new Td(this, "td-" + tds.getAndIncrement(), vcpus, memory);
    }

    /**
     * The memory that TDs take from a host at most, with their control and Secure EPT pages and their page pairs.
     *
     * @param host a host
     * @param tds how many TDs
     * @param vcpus how many vCPUs each has
     * @param blocks how many 2M blocks of memory each has
     * @return pages
     */
    public static long pagesNeeded(TdxHost host, int tds, int vcpus, int blocks) {
        return ControlPages.of(host).pagesNeeded(tds, vcpus, blocks);
    }

    /**
     * How many TDs a host can run at the same time; each needs a key of its own.
     *
     * @param host a host
     * @return TDs
     */
    public static int mostTds(TdxHost host) {
        return TdxModule.mostTds(host);
    }

    /**
     * What has happened on this host.
     *
     * @return counts
     */
    public LabCounts counts() {
        return counts;
    }

    /**
     * The manager of the host's page pairs.
     *
     * @return the manager
     */
    public PamtManager manager() {
        return manager;
    }

    /**
     * When pairs are given and taken back.
     *
     * @return the policy
     */
    public PamtPolicy policy() {
        return policy;
    }

    /**
     * Whether the backend of a host lets guests run. Otherwise a TD's memory is mapped by the host alone, and no guest accepts it.
     *
     * @param host a host
     * @return true if there are guests
     */
    public static boolean hasGuests(TdxHost host) {
        return guestsOf(host).isPresent();
    }

    private static Optional<GuestDriver> guestsOf(TdxHost host) {
        return host.platform().extension(ModuleInspection.class).flatMap(ModuleInspection::guests);
    }

    GuestDriver guests() {
        return guests.orElseThrow(() -> new IllegalStateException("this backend runs no guests"));
    }

    /**
     * Calls that the module refused where a host has to go on all the same: pages were left to it, or were not written back.
     *
     * @return a line each, with the TD and the page; only the first thousand are kept
     */
    public List<String> complaints() {
        return List.copyOf(complaints);
    }

    void complain(String td, SeamcallLeaf leaf, long status, long hpa) {
        if (complaints.size() < MOST_COMPLAINTS) {
            complaints.add(String.format("%s: %s of 0x%x answered %s", td, leaf, hpa, TdxStatus.toString(status)));
        }
    }

    TdxModule module() {
        return module;
    }

    ControlPages control() {
        return control;
    }

    PageAllocator allocator() {
        return host.allocator();
    }

    /** Takes a processor that no vCPU has, or one that others have as well if there is none. */
    int takeProcessor() {
        synchronized (processorsTaken) {
            int free = processorsTaken.nextClearBit(0);
            if (free < module.processors()) {
                processorsTaken.set(free);
                return free;
            }
        }
        return SHARED | vcpus.getAndIncrement() % module.processors();
    }

    /** Gives a processor back. */
    void giveProcessorBack(int processor) {
        if ((processor & SHARED) == 0) {
            synchronized (processorsTaken) {
                processorsTaken.clear(processor);
            }
        }
    }

    /** Takes a page that is to be given to the module, where memory can be allocated. */
    long allocControlPage() {
        long page = allocPage("control page");
        boolean backed = false;
        try {
            policy.beforeMap(Use.CONTROL, page, null);
            backed = true;
            return page;
        } finally {
            if (!backed) {
                allocator().freePage(page);
            }
        }
    }

    long allocPage(String what) {
        long page = allocator().allocPage();
        if (page == PageAllocator.NONE) {
            throw new OutOfPagesException(what);
        }
        return page;
    }

    /** Gives a page back that the module has let go, or was never given. */
    void freePage(Use use, long page, boolean hint) {
        policy.afterUnmap(use, page, hint);
        allocator().freePage(page);
    }
}
