package dev.pamt.lab.host;

import dev.pamt.api.SeamcallFailedException;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import java.util.BitSet;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/**
 * The module as a host's TDs see it: the leaves of a TD's life that are made in a fixed order and must succeed, and the processors for all
 * others.
 *
 * <p>What the module does for one TD at a time, creating it and freeing its key, is under one lock, as in Linux
 * (tdx_lock): the module has one key ownership table.
 *
 * <p><b>Thread-safety:</b> any number of threads, each with registers of its own.
 */
final class TdxModule {
    /** Physical addresses beyond 48 bits are the guest's, too: 5 levels of Secure EPT (EPTP: write-back, 5 levels). */
    private static final long EPTP_CONTROLS = 6 | 4 << 3;

    private static final int MOST_TRIES = 10;
    private static final long XFAM_X87_SSE = 3;
    private static final long TSC_FREQUENCY_25_MHZ_UNITS = 40;

    private final SeamcallPlatform platform;
    private final Seamcalls[] processors;
    private final ReentrantLock tdxLock = new ReentrantLock();
    /** Keys that TDs have, counted from the first that the module does not have itself; under tdxLock. */
    private final BitSet keys = new BitSet();

    TdxModule(TdxHost host) {
        platform = host.platform();
        processors = new Seamcalls[platform.processors()];
        for (int i = 0; i < processors.length; i++) {
            processors[i] = new Seamcalls(platform.processor(i));
        }
    }

    /** How many TDs can have a key at the same time: the module takes one key for itself. */
    static int mostTds(TdxHost host) {
        return host.platform().privateHkids() - 1;
    }

    int processors() {
        return processors.length;
    }

    Seamcalls on(int processor) {
        return processors[processor];
    }

    /** Creates a TD with a key of its own; returns its key id. */
    int createTd(SeamcallRegisters regs, long tdrHpa) {
        tdxLock.lock();
        try {
            int key = keys.nextClearBit(0);
            int hkid = platform.firstPrivateHkid() + 1 + key;
            if (key + 1 >= platform.privateHkids()) {
                throw new IllegalStateException("the host has keys for " + key + " TDs, and each of them is in use");
            }
            succeed(SeamcallLeaf.MNG_CREATE, processors[0].mngCreate(regs, tdrHpa, hkid), tdrHpa);
            keys.set(key);
            return hkid;
        } finally {
            tdxLock.unlock();
        }
    }

    /** Gives the key of a TD to each package. */
    void configureKey(SeamcallRegisters regs, long tdrHpa) {
        tdxLock.lock();
        try {
            for (int processor : onePerPackage()) {
                succeed(SeamcallLeaf.MNG_KEY_CONFIG, () -> processors[processor].mngKeyConfig(regs, tdrHpa), tdrHpa);
            }
        } finally {
            tdxLock.unlock();
        }
    }

    void addTdcx(SeamcallRegisters regs, long tdcxHpa, long tdrHpa) {
        succeed(SeamcallLeaf.MNG_ADDCX, processors[0].mngAddcx(regs, tdcxHpa, tdrHpa), tdcxHpa);
    }

    /** Initialises a TD; TD_PARAMS lies in the page that is given, for as long as the call takes. */
    void initTd(SeamcallRegisters regs, long tdrHpa, int vcpus, long scratchHpa) {
        PhysicalMemory memory = platform.memory();
        memory.clearPage(scratchHpa);
        memory.write64(scratchHpa + 8, XFAM_X87_SSE);
        memory.write64(scratchHpa + 16, vcpus);
        memory.write64(scratchHpa + 24, EPTP_CONTROLS);
        memory.write64(scratchHpa + 40, TSC_FREQUENCY_25_MHZ_UNITS);
        try {
            succeed(SeamcallLeaf.MNG_INIT, processors[0].mngInit(regs, tdrHpa, scratchHpa), tdrHpa);
        } finally {
            memory.clearPage(scratchHpa);
        }
    }

    void createVcpu(SeamcallRegisters regs, long tdvprHpa, long tdrHpa) {
        succeed(SeamcallLeaf.VP_CREATE, processors[0].vpCreate(regs, tdvprHpa, tdrHpa), tdvprHpa);
    }

    void addVcpuPage(SeamcallRegisters regs, long tdcxHpa, long tdvprHpa) {
        succeed(SeamcallLeaf.VP_ADDCX, processors[0].vpAddcx(regs, tdcxHpa, tdvprHpa), tdcxHpa);
    }

    void initVcpu(SeamcallRegisters regs, long tdvprHpa, int processor) {
        succeed(SeamcallLeaf.VP_INIT, processors[processor].vpInit(regs, tdvprHpa, 0), tdvprHpa);
    }

    void finalizeTd(SeamcallRegisters regs, long tdrHpa) {
        succeed(SeamcallLeaf.MR_FINALIZE, processors[0].mrFinalize(regs, tdrHpa), tdrHpa);
    }

    void flushVcpu(SeamcallRegisters regs, long tdvprHpa, int processor) {
        succeed(SeamcallLeaf.VP_FLUSH, () -> processors[processor].vpFlush(regs, tdvprHpa), tdvprHpa);
    }

    /** Takes the key of a TD away; afterwards its pages can be reclaimed, and another TD can have the key. */
    void freeKey(SeamcallRegisters regs, long tdrHpa, int hkid) {
        tdxLock.lock();
        try {
            succeed(SeamcallLeaf.MNG_VPFLUSHDONE, () -> processors[0].mngVpflushdone(regs, tdrHpa), tdrHpa);
            for (int processor : onePerPackage()) {
                succeed(SeamcallLeaf.PHYMEM_CACHE_WB, () -> writeBack(regs, processor), tdrHpa);
            }
            succeed(SeamcallLeaf.MNG_KEY_FREEID, () -> processors[0].mngKeyFreeid(regs, tdrHpa), tdrHpa);
            keys.clear(hkid - platform.firstPrivateHkid() - 1);
        } finally {
            tdxLock.unlock();
        }
    }

    private long writeBack(SeamcallRegisters regs, int processor) {
        long status = processors[processor].cacheWb(regs, 0);
        while (TdxStatus.INTERRUPTED_RESUMABLE.matches(status)) {
            status = processors[processor].cacheWb(regs, 1);
        }
        return status;
    }

    /** One processor of each package. */
    private int[] onePerPackage() {
        int[] chosen = new int[platform.packages()];
        for (int processor = processors.length - 1; processor >= 0; processor--) {
            chosen[platform.packageOf(processor)] = processor;
        }
        return chosen;
    }

    /** Makes a call that there is no way around, a few times if need be: what makes it fail may pass. */
    private static void succeed(SeamcallLeaf leaf, LongSupplier call, long hpa) {
        long status = call.getAsLong();
        for (int tries = 1; TdxStatus.isError(status) && tries < MOST_TRIES; tries++) {
            status = call.getAsLong();
        }
        succeed(leaf, status, hpa);
    }

    static void succeed(SeamcallLeaf leaf, long status, long hpa) {
        if (TdxStatus.isError(status)) {
            throw new SeamcallFailedException(leaf, status, String.format("for page 0x%x", hpa));
        }
    }
}
