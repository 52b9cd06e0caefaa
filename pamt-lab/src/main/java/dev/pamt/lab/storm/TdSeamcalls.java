package dev.pamt.lab.storm;

import dev.pamt.api.PageAllocator;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The module as a host's TDs see it: the leaves of a TD's life, each of which must succeed.
 *
 * <p>What the module does for one TD at a time, creating it and freeing its key, is under one lock, as in Linux
 * (tdx_lock): the module has one key ownership table.
 *
 * <p><b>Thread-safety:</b> any number of threads, each with registers of its own.
 */
final class TdSeamcalls {
    /** Physical addresses beyond 48 bits are the guest's, too: 5 levels of Secure EPT (EPTP: write-back, 5 levels). */
    private static final long EPTP_CONTROLS = 6 | 4 << 3;

    private static final long XFAM_X87_SSE = 3;
    private static final long TSC_FREQUENCY_25_MHZ_UNITS = 40;

    private final SeamcallPlatform platform;
    private final PageAllocator allocator;
    private final Seamcalls[] processors;
    private final ReentrantLock tdxLock = new ReentrantLock();

    TdSeamcalls(TdxHost host) {
        platform = host.platform();
        allocator = host.allocator();
        processors = new Seamcalls[platform.processors()];
        for (int i = 0; i < processors.length; i++) {
            processors[i] = new Seamcalls(platform.processor(i));
        }
    }

    /** How many TDs can have a key at the same time: the module takes one key for itself. */
    static int mostTds(TdxHost host) {
        return host.platform().privateHkids() - 1;
    }

    void createTd(SeamcallRegisters regs, long tdrHpa, int td) {
        long hkid = platform.firstPrivateHkid() + 1L + td;
        tdxLock.lock();
        try {
            succeed(SeamcallLeaf.MNG_CREATE, processors[0].mngCreate(regs, tdrHpa, hkid), tdrHpa);
            for (int processor : onePerPackage()) {
                succeed(SeamcallLeaf.MNG_KEY_CONFIG, processors[processor].mngKeyConfig(regs, tdrHpa), tdrHpa);
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

    void initVcpu(SeamcallRegisters regs, long tdvprHpa, int vcpu) {
        succeed(SeamcallLeaf.VP_INIT, processors[processorOf(vcpu)].vpInit(regs, tdvprHpa, 0), tdvprHpa);
    }

    void finalizeTd(SeamcallRegisters regs, long tdrHpa) {
        succeed(SeamcallLeaf.MR_FINALIZE, processors[0].mrFinalize(regs, tdrHpa), tdrHpa);
    }

    void addSeptPage(SeamcallRegisters regs, int vcpu, long gpa, int level, long tdrHpa, long septHpa) {
        Seamcalls processor = processors[processorOf(vcpu)];
        succeed(SeamcallLeaf.MEM_SEPT_ADD, processor.memSeptAdd(regs, gpa | level, tdrHpa, septHpa), septHpa);
    }

    void addGuestPage(SeamcallRegisters regs, int vcpu, long gpa, long tdrHpa, long pageHpa) {
        Seamcalls processor = processors[processorOf(vcpu)];
        succeed(SeamcallLeaf.MEM_PAGE_AUG, processor.memPageAug(regs, gpa, tdrHpa, pageHpa), pageHpa);
    }

    void flushVcpu(SeamcallRegisters regs, long tdvprHpa, int vcpu) {
        succeed(SeamcallLeaf.VP_FLUSH, processors[processorOf(vcpu)].vpFlush(regs, tdvprHpa), tdvprHpa);
    }

    /** Takes the key of a TD away; afterwards its pages can be reclaimed. */
    void freeKey(SeamcallRegisters regs, long tdrHpa) {
        tdxLock.lock();
        try {
            succeed(SeamcallLeaf.MNG_VPFLUSHDONE, processors[0].mngVpflushdone(regs, tdrHpa), tdrHpa);
            for (int processor : onePerPackage()) {
                long status = processors[processor].cacheWb(regs, 0);
                while (TdxStatus.INTERRUPTED_RESUMABLE.matches(status)) {
                    status = processors[processor].cacheWb(regs, 1);
                }
                succeed(SeamcallLeaf.PHYMEM_CACHE_WB, status, tdrHpa);
            }
            succeed(SeamcallLeaf.MNG_KEY_FREEID, processors[0].mngKeyFreeid(regs, tdrHpa), tdrHpa);
        } finally {
            tdxLock.unlock();
        }
    }

    void reclaim(SeamcallRegisters regs, int vcpu, long pageHpa) {
        succeed(SeamcallLeaf.PHYMEM_PAGE_RECLAIM, processors[processorOf(vcpu)].pageReclaim(regs, pageHpa), pageHpa);
    }

    PageAllocator allocator() {
        return allocator;
    }

    private int processorOf(int vcpu) {
        return vcpu % processors.length;
    }

    private int[] onePerPackage() {
        int[] chosen = new int[platform.packages()];
        for (int processor = processors.length - 1; processor >= 0; processor--) {
            chosen[platform.packageOf(processor)] = processor;
        }
        return chosen;
    }

    private static void succeed(SeamcallLeaf leaf, long status, long hpa) {
        if (TdxStatus.isError(status)) {
            throw new SeamcallFailedException(leaf, status, String.format("for page 0x%x", hpa));
        }
    }
}
