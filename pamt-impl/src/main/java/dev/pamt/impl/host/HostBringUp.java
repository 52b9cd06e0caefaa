package dev.pamt.impl.host;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.api.Tdmr;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PhysicalRanges;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.SysField;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings the module of a machine up, in the order that the module demands and Linux follows.
 *
 * <p>Static PAMT takes the place of Dynamic PAMT on a machine whose key id leaves no choice: the module wants it to start at
 * address bit 48 or below. Where it starts the host does not know; it knows that it is above all memory. So it is the
 * metadata that says so or, failing that, SYS.CONFIG, which can be called again after it has refused (TDX module 1.5.25,
 * tdh_sys_config.c: the module keeps waiting for it, and what it noted of the first call the second one overwrites).
 *
 * <p><b>Thread-safety:</b> one bring-up uses one thread; different machines can be brought up at the same time.
 */
public final class HostBringUp {
    private static final Logger LOG = LoggerFactory.getLogger(HostBringUp.class);

    /** How often a call is made that asks to be made again: as often as Linux does it. */
    private static final int ATTEMPTS = 10;

    private static final Set<TdxStatus> ASKS_FOR_ANOTHER_TRY = EnumSet.of(
            TdxStatus.KEY_GENERATION_FAILED,
            TdxStatus.RND_NO_ENTROPY,
            TdxStatus.SYS_BUSY,
            TdxStatus.OPERAND_BUSY,
            TdxStatus.INTERRUPTED_RESTARTABLE);

    /** A TDMR.INIT that did nothing at all would initialise less than one page a call. */
    private static final int MOST_TDMR_INITS_PER_GIB = 1 << 18;

    private static final int POINTER_BYTES = Long.BYTES;

    /** The only PAMT_4K entry of which 512 are a pair of pages. */
    private static final int PAIR_PAMT_4K_ENTRY_BYTES = 16;

    /** What SYS.CONFIG answers if it can do all but Dynamic PAMT. */
    private static final long OPTIONS_REFUSED = TdxStatus.OPERAND_INVALID.with(TdxOperand.R8);

    private static final Set<TdxStatus> NO_SUCH_FIELD =
            EnumSet.of(TdxStatus.METADATA_FIELD_ID_INCORRECT, TdxStatus.METADATA_FIELD_NOT_READABLE);

    private final SeamcallPlatform platform;
    private final Seamcalls firstProcessor;
    private final SeamcallRegisters regs = new SeamcallRegisters();

    private HostBringUp(SeamcallPlatform platform) {
        this.platform = platform;
        firstProcessor = new Seamcalls(platform.processor(0));
    }

    /**
     * Brings a module up.
     *
     * @param platform the machine, its module not yet initialised; stays open if this fails
     * @param memory its memory map; RAM outside the CMRs that the module reports is not used
     * @param dynamicPamt whether Dynamic PAMT is used if the module has it and can use it on this machine
     * @return the host
     * @throws SeamcallFailedException if the module refuses a step
     * @throws IllegalArgumentException if the map cannot be covered by the TDMRs and reserved areas that the module has
     * @throws IllegalStateException if Dynamic PAMT would be used and the module's entries do not fit a pair of pages
     */
    public static TdxHost bringUp(SeamcallPlatform platform, MemoryMap memory, boolean dynamicPamt) {
        return new HostBringUp(platform).run(memory, dynamicPamt);
    }

    private TdxHost run(MemoryMap memory, boolean dynamicPamt) {
        succeed(SeamcallLeaf.SYS_INIT, "of the module", () -> firstProcessor.sysInit(regs.clear()));
        for (int i = 0; i < platform.processors(); i++) {
            Seamcalls processor = new Seamcalls(platform.processor(i));
            succeed(SeamcallLeaf.SYS_LP_INIT, "on processor " + i, () -> processor.sysLpInit(regs.clear()));
        }
        BroughtUpHost host = configure(memory, readMetadata(dynamicPamt));
        configureGlobalKey();
        for (Tdmr tdmr : host.tdmrs()) {
            initialise(tdmr.range());
        }
        LOG.info("{}", host);
        return host;
    }

    /** Configures the module; with static PAMT if the metadata promises Dynamic PAMT and SYS.CONFIG refuses it. */
    private BroughtUpHost configure(MemoryMap memory, ModuleMetadata module) {
        try {
            return layAndConfigure(memory, module);
        } catch (SeamcallFailedException refusal) {
            if (!module.dynamicPamt() || refusal.status() != OPTIONS_REFUSED) {
                throw refusal;
            }
            LOG.warn(
                    "static PAMT is used: {}, as it does where the key id begins too high for Dynamic PAMT",
                    refusal.getMessage());
            return layAndConfigure(memory, module.withStaticPamt());
        }
    }

    private BroughtUpHost layAndConfigure(MemoryMap memory, ModuleMetadata module) {
        List<PhysicalRange> ram = MemoryMap.of(memory.ram(), module.cmrs()).ram();
        List<Tdmr> tdmrs = TdmrLayout.of(ram, module);
        List<PhysicalRange> reserved =
                tdmrs.stream().flatMap(tdmr -> tdmr.reserved().stream()).toList();
        HostPageAllocator allocator = new HostPageAllocator(PhysicalRanges.without(ram, reserved));
        sysConfig(tdmrs, module, allocator);
        return new BroughtUpHost(platform, memory, module.dynamicPamt(), module.pamt4KEntryBytes(), tdmrs, allocator);
    }

    private ModuleMetadata readMetadata(boolean dynamicPamt) {
        List<PhysicalRange> cmrs = readCmrs();
        int pamt4KEntryBytes = (int) read(SysField.PAMT_4K_ENTRY_SIZE, 0);
        boolean dynamic = dynamicPamt && hasDynamicPamt() && leavesRoomForDynamicPamt(cmrs);
        if (dynamic && pamt4KEntryBytes != PAIR_PAMT_4K_ENTRY_BYTES) {
            throw new IllegalStateException(String.format(
                    "Dynamic PAMT is managed in pairs of 4K pages, the PAMT_4K of a 2M region with entries of %d bytes; this"
                            + " module's have %d. It can be brought up with static PAMT",
                    PAIR_PAMT_4K_ENTRY_BYTES, pamt4KEntryBytes));
        }
        return new ModuleMetadata(
                dynamic,
                (int) read(SysField.MAX_TDMRS, 0),
                (int) read(SysField.MAX_RESERVED_PER_TDMR, 0),
                pamt4KEntryBytes,
                (int) read(SysField.PAMT_2M_ENTRY_SIZE, 0),
                (int) read(SysField.PAMT_1G_ENTRY_SIZE, 0),
                // A module without Dynamic PAMT does not know this field and answers with an error.
                dynamic ? (int) read(SysField.PAMT_PAGE_BITMAP_ENTRY_BITS, 0) : 0,
                cmrs);
    }

    private boolean hasDynamicPamt() {
        return (read(SysField.TDX_FEATURES0, 0) >>> SysField.FEATURE_DYNAMIC_PAMT & 1) != 0;
    }

    /**
     * False if the key id cannot have the bits that Dynamic PAMT needs, since memory takes them. True does not mean that it
     * has them: there may be fewer address bits, or some above memory that are not the key id's.
     */
    private boolean leavesRoomForDynamicPamt(List<PhysicalRange> cmrs) {
        SysField field = SysField.MIN_DYNAMIC_PAMT_NUM_HKID_BITS;
        long status = call(() -> firstProcessor.sysRd(regs.clear(), field.id()));
        if (NO_SUCH_FIELD.contains(TdxStatus.of(status))) {
            return true;
        }
        succeeded(SeamcallLeaf.SYS_RD, "of " + field, status);
        long needed = regs.r8;
        long endHpa = cmrs.stream().mapToLong(PhysicalRange::endHpa).max().orElse(1);
        int left = PhysicalRange.ADDRESS_BITS - (Long.SIZE - Long.numberOfLeadingZeros(endHpa - 1));
        boolean enough = needed <= left;
        if (!enough) {
            LOG.warn(
                    "static PAMT is used: Dynamic PAMT needs {} key id bits, and memory up to 0x{} leaves {}",
                    needed,
                    Long.toHexString(endHpa),
                    left);
        }
        return enough;
    }

    private List<PhysicalRange> readCmrs() {
        List<PhysicalRange> cmrs = new ArrayList<>();
        int count = (int) read(SysField.NUM_CMRS, 0);
        for (int i = 0; i < count; i++) {
            long bytes = read(SysField.CMR_SIZE, i);
            // The module reports a fixed number of them; those that the platform does not have are empty.
            if (bytes != 0) {
                cmrs.add(new PhysicalRange(read(SysField.CMR_BASE, i), bytes));
            }
        }
        return cmrs;
    }

    private long read(SysField field, int index) {
        succeed(
                SeamcallLeaf.SYS_RD,
                "of " + field + (index > 0 ? " " + index : ""),
                () -> firstProcessor.sysRd(regs.clear(), field.id(index)));
        return regs.r8;
    }

    /** SYS.CONFIG, with the structures that it takes in pages that are free again afterwards. */
    private void sysConfig(List<Tdmr> tdmrs, ModuleMetadata module, HostPageAllocator allocator) {
        int infosPerPage = (int) (PageAllocator.PAGE_BYTES / module.tdmrInfoBytes());
        List<Long> pages = new ArrayList<>();
        try {
            long array = scratchPage(pages, allocator);
            for (int i = 0; i < tdmrs.size(); i++) {
                if (i % infosPerPage == 0) {
                    scratchPage(pages, allocator);
                }
                long info = pages.get(pages.size() - 1) + (long) (i % infosPerPage) * module.tdmrInfoBytes();
                writeTdmrInfo(info, tdmrs.get(i));
                platform.memory().write64(array + (long) i * POINTER_BYTES, info);
            }
            long options = platform.firstPrivateHkid() | (module.dynamicPamt() ? Seamcalls.SYS_CONFIG_DYNAMIC_PAMT : 0);
            succeed(
                    SeamcallLeaf.SYS_CONFIG,
                    "with " + tdmrs.size() + " TDMRs and " + (module.dynamicPamt() ? "Dynamic" : "static") + " PAMT",
                    () -> firstProcessor.sysConfig(regs.clear(), array, tdmrs.size(), options));
        } finally {
            for (long page : pages) {
                platform.memory().clearPage(page);
                allocator.freePage(page);
            }
        }
    }

    private long scratchPage(List<Long> pages, HostPageAllocator allocator) {
        long page = allocator.allocPage();
        if (page == PageAllocator.NONE) {
            throw new OutOfPagesException("the TDMR_INFO of SYS.CONFIG");
        }
        pages.add(page);
        platform.memory().clearPage(page);
        return page;
    }

    private void writeTdmrInfo(long info, Tdmr tdmr) {
        long[] head = {
            tdmr.range().baseHpa(), tdmr.range().bytes(),
            tdmr.pamt1G().baseHpa(), tdmr.pamt1G().bytes(),
            tdmr.pamt2M().baseHpa(), tdmr.pamt2M().bytes(),
            tdmr.pamt4K().baseHpa(), tdmr.pamt4K().bytes()
        };
        PhysicalMemory memory = platform.memory();
        long at = info;
        for (long word : head) {
            memory.write64(at, word);
            at += Long.BYTES;
        }
        for (PhysicalRange area : tdmr.reserved()) {
            memory.write64(at, area.baseHpa() - tdmr.range().baseHpa());
            memory.write64(at + Long.BYTES, area.bytes());
            at += 2 * Long.BYTES;
        }
    }

    private void configureGlobalKey() {
        BitSet done = new BitSet();
        for (int i = 0; i < platform.processors(); i++) {
            int cpuPackage = platform.packageOf(i);
            if (!done.get(cpuPackage)) {
                Seamcalls processor = new Seamcalls(platform.processor(i));
                succeed(
                        SeamcallLeaf.SYS_KEY_CONFIG,
                        "on package " + cpuPackage,
                        () -> processor.sysKeyConfig(regs.clear()));
                done.set(cpuPackage);
            }
        }
    }

    private void initialise(PhysicalRange tdmr) {
        long initialised = tdmr.baseHpa();
        int calls = 0;
        while (initialised < tdmr.endHpa()) {
            long status = succeed(
                    SeamcallLeaf.SYS_TDMR_INIT,
                    "of TDMR " + tdmr,
                    () -> firstProcessor.sysTdmrInit(regs.clear(), tdmr.baseHpa()));
            if (TdxStatus.TDMR_ALREADY_INITIALIZED.matches(status)) {
                return;
            }
            calls = regs.rdx > initialised ? 0 : calls + 1;
            if (calls > MOST_TDMR_INITS_PER_GIB) {
                throw new IllegalStateException(String.format(
                        "%d TDH.SYS.TDMR.INIT of TDMR %s have not brought it beyond 0x%x; each has to initialise a page",
                        calls, tdmr, initialised));
            }
            initialised = Math.max(initialised, regs.rdx);
        }
    }

    /** Makes a call, again if the module asks for it, and returns its status, which is no error. */
    private static long succeed(SeamcallLeaf leaf, String about, LongSupplier call) {
        return succeeded(leaf, about, call(call));
    }

    private static long call(LongSupplier call) {
        long status = call.getAsLong();
        for (int attempt = 1; attempt < ATTEMPTS && ASKS_FOR_ANOTHER_TRY.contains(TdxStatus.of(status)); attempt++) {
            Thread.onSpinWait();
            status = call.getAsLong();
        }
        return status;
    }

    private static long succeeded(SeamcallLeaf leaf, String about, long status) {
        if (TdxStatus.isError(status)) {
            throw new SeamcallFailedException(leaf, status, about);
        }
        return status;
    }
}
