package dev.pamt.api;

import dev.pamt.api.spi.PamtProvider;
import dev.pamt.seamcall.SeamcallPlatform;
import java.util.List;

/**
 * A machine whose TDX module has been brought up: TDMRs built from the memory map, PAMT placed, all TDMRs initialised.
 *
 * <p><b>Thread-safety:</b> immutable apart from {@link #close}; any thread may use it.
 */
public interface TdxHost extends AutoCloseable {
    /**
     * Brings the module of a machine up, with Dynamic PAMT if it has it.
     *
     * <p>What is done: SYS.INIT, SYS.LP.INIT on every processor, the module's metadata through SYS.RD, TDMRs of 1 GiB
     * granularity over the RAM of the map with reserved areas for holes in convertible memory, PAMT areas placed in RAM,
     * SYS.CONFIG, SYS.KEY.CONFIG on every package, SYS.TDMR.INIT to the end of every TDMR. A machine whose memory or key ids
     * lie too high for Dynamic PAMT comes up without it; one line in the log says why.
     *
     * @param platform the machine, its module not yet initialised; closed together with the host
     * @param memory its memory map
     * @return the host
     * @throws SeamcallFailedException if the module refuses a step
     * @throws IllegalArgumentException if the map cannot be covered by the TDMRs and reserved areas that the module has
     * @throws IllegalStateException if the module's PAMT_4K entries have another size than 16 bytes: a page pair is then not two
     *     pages
     */
    static TdxHost bringUp(SeamcallPlatform platform, MemoryMap memory) {
        return bringUp(platform, memory, true);
    }

    /**
     * Brings the module of a machine up.
     *
     * @param platform the machine, its module not yet initialised; closed together with the host
     * @param memory its memory map
     * @param dynamicPamt whether Dynamic PAMT is used if the module has it; otherwise all of PAMT_4K is placed now
     * @return the host
     * @throws SeamcallFailedException if the module refuses a step
     * @throws IllegalArgumentException if the map cannot be covered by the TDMRs and reserved areas that the module has
     */
    static TdxHost bringUp(SeamcallPlatform platform, MemoryMap memory, boolean dynamicPamt) {
        return PamtProvider.load().bringUp(platform, memory, dynamicPamt);
    }

    /**
     * The machine.
     *
     * @return the platform that was brought up
     */
    SeamcallPlatform platform();

    /**
     * The memory map of the machine.
     *
     * @return the map that was given
     */
    MemoryMap memory();

    /**
     * Whether the module runs with Dynamic PAMT. Without it every 4K page has its metadata from the start, and get and
     * put have nothing to do.
     *
     * @return true for Dynamic PAMT
     */
    boolean dynamicPamt();

    /**
     * Bytes of a PAMT_4K entry, from the module's metadata. A page pair holds 512 of them.
     *
     * @return bytes
     */
    int pamt4KEntryBytes();

    /**
     * The TDMRs.
     *
     * @return in ascending order
     */
    List<Tdmr> tdmrs();

    /**
     * The memory that was set aside for PAMT at bring-up.
     *
     * @return bytes, of all TDMRs
     */
    default long pamtBytes() {
        return tdmrs().stream().mapToLong(Tdmr::pamtBytes).sum();
    }

    /**
     * The host's page allocator over all RAM of the map that a TDMR covers and PAMT does not take.
     *
     * @return the allocator; the same each time
     */
    PageAllocator allocator();

    /**
     * The pages that {@link #allocator} has not handed out, in chunks or not. Read before and after, it shows
     * whether every page has come back.
     *
     * @return how many, exact when no other thread is inside a call of the allocator
     */
    long freePages();

    /** Closes the platform. Calling it again does nothing. */
    @Override
    void close();
}
