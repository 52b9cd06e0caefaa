package dev.pamt.api;

import dev.pamt.api.spi.PamtProvider;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import java.util.function.IntSupplier;

/**
 * Keeps every 2M region that holds 4K TDX pages backed with its page pair, and no other.
 *
 * <p>The contract: a caller that has got a region and has not put it finds its pair installed. Get a page before it is given to
 * the module (MNG.CREATE, SEPT.ADD, PAGE.AUG, ...), put it after the SEAMCALL that took it back has <em>returned</em>:
 * removing a pair beside a PAGE.REMOVE, SEPT.REMOVE, RELOCATE or PROMOTE that is still in flight halts the module.
 *
 * <p>On a module without Dynamic PAMT, get and put only check their arguments.
 *
 * <p><b>Thread-safety:</b> any number of threads at once, platform or virtual. <b>Progress:</b> a get
 * or put of one page is wait-free where the region is backed and stays so, a get or put of a range is lock-free there; neither
 * allocates. (A get adds again for each put without a get that it meets.) The first get and the last put of a region
 * make a SEAMCALL (1 to 18 microseconds) under the region's lock and wait for another transition of the same lock. A put
 * never calls the host's allocator for memory; it may give memory back.
 *
 * <p><b>Errors:</b> misuse and failure are told apart by subclass of {@link PamtException}. Addresses are checked by every
 * call: {@link MisalignedAddressException}, {@link AddressOutsideMemoryException}, {@link DonorRegionException}. A call that
 * throws has changed nothing, with one exception: if a SEAMCALL ends in an exception, such as {@link
 * dev.pamt.seamcall.SeamcallUnavailableException}, the region is {@link RegionState.Kind#UNKNOWN} and without users, the pair
 * of the call is counted in {@link PamtStats.Pairs#lost}, and the exception reaches the caller.
 *
 * <p>Once a put, freePage or reclaim has taken a user away it does not throw, whatever the module, the allocator, the memory
 * or the lock strategy do. A region whose pair does not come back stays idle, is counted in {@link PamtStats.Calls#retryRegions}
 * and is tried again; a page that cannot be given back is counted in {@link PamtStats.Pages#stranded}.
 *
 * <p><b>Ownership:</b> every page has one owner. The manager remembers which pair each region holds. It believes a REMOVE or
 * PROMOTE that gives back just that pair; pages of any other answer are neither scrubbed nor handed out.
 *
 * <p><b>Callbacks:</b> a {@link PageAllocator} may call the manager. A backend, a {@link DemoteCall} and a {@link
 * PromoteCall} must not, because they run under the lock of a region: {@link ReentrantCallException}.
 *
 * <p>A host has one manager at a time; a second one is refused until the first is closed.
 */
public interface PamtManager extends AutoCloseable {
    /**
     * Starts a manager.
     *
     * @return a builder; with nothing set it makes a manager on an emulated host
     */
    static Builder builder() {
        return PamtProvider.load().managerBuilder();
    }

    /**
     * Takes a reference to the region of a page; afterwards the region is backed. If a pair has to be installed it comes
     * from the host's allocator, which may block.
     *
     * @param hpa a page
     * @throws OutOfPagesException if a pair was needed and the host has no memory
     * @throws SeamcallFailedException if the module refuses the pair; a pair whose pages it finds at fault is set aside, and
     *     up to 8 pairs are tried
     * @throws ForeignPagePairException if the module holds a pair there that is not this manager's
     * @throws RegionUnknownException if an earlier call got no answer and the region cannot be settled
     * @throws TooManyUsersException if the region has 512 users
     * @throws RegionMapped2MException if the region is mapped as one 2M page
     * @throws ManagerClosedException if the manager is closed
     */
    void get(long hpa);

    /**
     * Takes a reference to the region of a page. If a pair has to be installed it comes from a cache; the host's
     * allocator is not called.
     *
     * @param hpa a page
     * @param cache a cache or reservation of this manager
     * @throws CacheExhaustedException if a pair was needed and the cache is empty
     * @throws SeamcallFailedException if the module refuses the pair
     * @throws TooManyUsersException if the region has 512 users
     * @throws RegionMapped2MException if the region is mapped as one 2M page
     * @throws ManagerClosedException if the manager or the cache is closed
     * @throws IllegalArgumentException if the cache belongs to another manager
     */
    void get(long hpa, PamtPageCache cache);

    /**
     * Takes references for a range of pages in one region, in one step.
     *
     * @param hpa the first page
     * @param pages how many pages, 1 to 512, all in the region of the first
     * @throws RangeCrossesRegionException if they are not
     * @throws PamtException as {@link #get(long)}
     */
    void get(long hpa, int pages);

    /**
     * Takes references for a range of pages in one region, in one step, with a pair from a cache if one is needed.
     *
     * @param hpa the first page
     * @param pages how many pages, 1 to 512, all in the region of the first
     * @param cache a cache or reservation of this manager
     * @throws RangeCrossesRegionException if they are not
     * @throws PamtException as {@link #get(long, PamtPageCache)}
     */
    void get(long hpa, int pages, PamtPageCache cache);

    /**
     * Drops a reference to the region of a page. After the last one the pair is taken back, or kept as the {@link
     * ReclaimPolicy} says. Call it only after the SEAMCALL that released the page has returned.
     *
     * @param hpa a page
     * @throws NoUsersException if the region has no users
     * @throws ManagerClosedException if the manager is closed
     */
    void put(long hpa);

    /**
     * Drops references for a range of pages in one region, in one step.
     *
     * @param hpa the first page
     * @param pages how many pages, 1 to 512, all in the region of the first
     * @throws RangeCrossesRegionException if they are not
     * @throws NoUsersException if the region has fewer users
     * @throws ManagerClosedException if the manager is closed
     */
    void put(long hpa, int pages);

    /**
     * Takes a page from the host's allocator and gets its region.
     *
     * @return the page, in a backed region
     * @throws OutOfPagesException if the host has no memory for the page or for the pair
     * @throws SeamcallFailedException if the module refuses the pair; the page has gone back
     * @throws ManagerClosedException if the manager is closed
     */
    long allocPage();

    /**
     * Puts the region of a page and gives the page back to the host's allocator. Once the user is taken away it does not
     * throw; a page that cannot be scrubbed or given back is counted in {@link PamtStats.Pages#stranded}.
     *
     * @param hpa a page that {@link #allocPage} has given and that the module no longer uses
     * @throws DoubleFreeException if allocPage has not given it, or it was freed before
     * @throws ManagerClosedException if the manager is closed
     */
    void freePage(long hpa);

    /**
     * Marks a region as mapped by one 2M page, which must have no page pair. If the region is idle its pair is taken
     * back first. Call it before the SEAMCALL that maps the page.
     *
     * @param hpa the region, a multiple of 2 MiB
     * @throws RegionInUseException if the region has 4K users
     * @throws RegionMapped2MException if it is mapped already
     * @throws SeamcallFailedException if the module does not give the idle pair back
     * @throws ManagerClosedException if the manager is closed
     */
    void map2M(long hpa);

    /**
     * Ends the mapping of a region by one 2M page. Call it after the SEAMCALL that released the page has returned.
     *
     * @param hpa the region, a multiple of 2 MiB
     * @throws RegionNotMapped2MException if it is not mapped as one 2M page
     * @throws ManagerClosedException if the manager is closed
     */
    void unmap2M(long hpa);

    /**
     * Splits a region that is mapped as one 2M page into 512 users. The call is made under the region's lock and under
     * those that its pair needs, so that it cannot collide with an ADD or REMOVE of this manager.
     *
     * @param hpa the region, a multiple of 2 MiB
     * @param cache where the pair comes from
     * @param call makes the TDH.MEM.PAGE.DEMOTE
     * @return the status that the call returned; unless it is a success the region is still mapped as one 2M page
     * @throws RuntimeException what the call throws; the region is then {@link RegionState.Kind#UNKNOWN}, without mapping and
     *     users, unless it is an exception for a call that was {@linkplain
     *     dev.pamt.seamcall.SeamcallUnavailableException#notSent not sent}
     * @throws NullPointerException if the cache or the call is null
     * @throws CacheExhaustedException if the cache is empty
     * @throws RegionNotMapped2MException if the region is not mapped as one 2M page
     * @throws ManagerClosedException if the manager or the cache is closed
     * @throws IllegalArgumentException if the cache belongs to another manager
     */
    long demote2M(long hpa, PamtPageCache cache, DemoteCall call);

    /**
     * Merges the 512 users of a region into one 2M page; the module gives its pair back.
     *
     * @param hpa the region, a multiple of 2 MiB
     * @param call makes the TDH.MEM.PAGE.PROMOTE
     * @return the status that the call returned; unless it is a success the region still has 512 users
     * @throws RuntimeException what the call throws, as with {@link #demote2M}
     * @throws NullPointerException if the call is null
     * @throws RegionInUseException if the region has not exactly 512 users
     * @throws ManagerClosedException if the manager is closed
     */
    long promote2M(long hpa, PromoteCall call);

    /**
     * Takes pairs of idle regions back as the {@link ReclaimPolicy} says now, as a last put does: for a timer, where a policy goes
     * by age, or for a host that runs short of memory.
     *
     * @return how many pairs were taken back
     * @throws ManagerClosedException if the manager is closed
     */
    int reclaimIdle();

    /**
     * Takes the pairs of all idle regions back, tries those again whose REMOVE failed before, and gives spare chunks back
     * to the host.
     *
     * @return how many pairs were taken back
     * @throws ManagerClosedException if the manager is closed
     */
    int trim();

    /**
     * A cache for one vCPU.
     *
     * @return an empty cache
     * @throws ManagerClosedException if the manager is closed
     */
    PamtPageCache newVcpuCache();

    /**
     * A cache for one VM.
     *
     * @return an empty cache
     * @throws ManagerClosedException if the manager is closed
     */
    VmPageCache newVmCache();

    /**
     * The state of a region, for diagnosis: it may have changed when the caller looks at it.
     *
     * @param hpa an address in the region
     * @return its state; OUTSIDE for any address that has none
     */
    RegionState state(long hpa);

    /**
     * What the manager has done so far.
     *
     * @return a snapshot
     */
    PamtStats stats();

    /**
     * The host that the manager works on.
     *
     * @return the host
     */
    TdxHost host();

    /**
     * Takes all idle pairs back, closes all caches and reservations, gives all chunks back, and refuses every later call. A
     * host that the manager has brought up itself is closed, too. Calling it again does nothing.
     *
     * <p>Any other call may run beside it, and finds either a manager that stays open or one that is closed; a call that finds
     * it undecided waits. What such calls hold in their hands goes back to the host before they return. The close waits
     * for that, for a second at most, and logs what is still out. Pairs that stay in the module, because it does not answer or was
     * called past the manager, are logged as well.
     *
     * @throws RegionsInUseException if regions are in use, or the module answers a REMOVE with an error; the manager then
     *     stays open and has thrown nothing away
     * @throws ReentrantCallException if it is called from inside a SEAMCALL of this manager
     */
    @Override
    void close();

    /** Makes one TDH.MEM.PAGE.DEMOTE of a 2M page. */
    @FunctionalInterface
    interface DemoteCall {
        /**
         * Makes the call, under the lock of the region. It must not call the manager, wait for another thread that does, or
         * take long. It may be made a second time if it was answered TDX_OPERAND_BUSY for an operand that a transition of the
         * manager can hold. An exception means that the call may have been made, unless it says that it was {@linkplain
         * dev.pamt.seamcall.SeamcallUnavailableException#notSent not sent}.
         *
         * @param regs registers for the call; the pair to donate is in R12 and R13, the others are 0; a module without Dynamic
         *     PAMT takes no pair, and all are 0
         * @return the completion status
         */
        long demote(SeamcallRegisters regs);
    }

    /** Makes one TDH.MEM.PAGE.PROMOTE of 4K pages. */
    @FunctionalInterface
    interface PromoteCall {
        /**
         * Makes the call, under the rules of {@link DemoteCall#demote}.
         *
         * @param regs registers for the call, all 0; on success the manager reads the pair from R12 and R13
         * @return the completion status
         */
        long promote(SeamcallRegisters regs);
    }

    /**
     * Builds a manager. Every setter checks at once, and refuses a second value and one that contradicts an earlier one.
     *
     * <p><b>Thread-safety:</b> none; one thread at a time.
     */
    interface Builder {
        /**
         * Works on a host that has been brought up. The caller closes it.
         *
         * @param host the host
         * @return this
         * @throws IllegalStateException if a host, platform, backend, memory map or provider was set
         */
        Builder host(TdxHost host);

        /**
         * Works on a machine that has not been brought up; the manager does that, and closes it.
         *
         * @param platform the machine
         * @return this
         * @throws IllegalStateException if a host, platform, backend or provider was set
         */
        Builder platform(SeamcallPlatform platform);

        /**
         * Works on a machine that a backend opens; the manager brings it up, and closes it. The default is {@code
         * emulator}.
         *
         * @param name the name of a backend, see {@link dev.pamt.seamcall.SeamcallProviderFactory}
         * @return this
         * @throws IllegalArgumentException if there is no such backend
         * @throws IllegalStateException if a host, platform, backend or provider was set
         */
        Builder backend(String name);

        /**
         * Works on a module that runs already, with Dynamic PAMT, and that other software has brought up: nothing but ADD
         * and REMOVE is called. A memory map must be set, and an allocator unless all RAM of the map is free: the default
         * one cannot know which pages lie in PAMT areas, and the module refuses those.
         *
         * @param provider runs the calls
         * @param memory scrubs pages that come back; {@link PhysicalMemory#none()} if that is not needed
         * @return this
         * @throws IllegalStateException if a host, platform, backend or provider was set
         */
        Builder seamcalls(SeamcallProvider provider, PhysicalMemory memory);

        /**
         * Sets the memory map. The default is {@link MemoryMap#synthetic()}.
         *
         * @param memory the map
         * @return this
         * @throws IllegalStateException if a map or a host was set
         */
        Builder memory(MemoryMap memory);

        /**
         * Sets the host's page allocator. The default manages the memory map.
         *
         * @param allocator the allocator
         * @return this
         * @throws IllegalStateException if an allocator was set
         */
        Builder allocator(PageAllocator allocator);

        /**
         * Sets how transitions exclude each other. The default is {@link LockStrategy#per2M()}.
         *
         * @param strategy the strategy
         * @return this
         * @throws IllegalStateException if a strategy was set
         */
        Builder lockStrategy(LockStrategy strategy);

        /**
         * Sets when empty regions lose their pair. The default is {@link ReclaimPolicy#eager()}.
         *
         * @param policy the policy
         * @return this
         * @throws IllegalStateException if a policy was set
         * @throws IllegalArgumentException if the policy keeps a negative number of regions idle, or more than {@link
         *     ReclaimPolicy#MAX_IDLE_REGIONS}
         */
        Builder reclaimPolicy(ReclaimPolicy policy);

        /**
         * Sets on which logical processor a call of the module is made. The default spreads threads over all of them.
         *
         * @param choice returns the index of a processor of the platform, for the calling thread; it is asked before each
         *     call, without a lock held
         * @return this
         * @throws IllegalStateException if a choice was set
         */
        Builder processors(IntSupplier choice);

        /**
         * Brings the module up with or without Dynamic PAMT. The default is with it, if the module has it. Without it a
         * manager only checks arguments, and the host gives the module memory for all page metadata at once.
         *
         * @param wanted whether Dynamic PAMT is used
         * @return this
         * @throws IllegalStateException if this was set, or a host or provider, whose module is up already
         */
        Builder dynamicPamt(boolean wanted);

        /**
         * Measures how long transitions hold their locks and how much processor time they take: {@link
         * PamtStats.Locks#holdNanos} and {@link PamtStats.Locks#cpuNanos}. The default is not to; it costs four readings of
         * clocks for each transition, and nothing if it is not set. Two of them are system calls while
         * the lock is held: where there are more threads than processors, they make waits much longer.
         *
         * @return this
         * @throws IllegalStateException if this was set
         */
        Builder timeTransitions();

        /**
         * Makes the manager.
         *
         * @return the manager; the caller closes it
         * @throws IllegalStateException if a provider was set without a memory map, or if the module has a manager that is
         *     not closed
         * @throws SeamcallFailedException if a module that the manager brings up refuses a step
         */
        PamtManager build();
    }
}
