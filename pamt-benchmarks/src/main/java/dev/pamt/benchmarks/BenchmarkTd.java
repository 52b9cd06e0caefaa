package dev.pamt.benchmarks;

import dev.pamt.api.PamtManager;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;

/** Builds TDs that run, with a Secure EPT down to the lowest level for the first 2 MiB of guest memory. */
final class BenchmarkTd {
    private static final int TDCS_PAGES = 6;
    private static final int TDVPS_PAGES = 6;
    private static final int SEPT_LEVELS = 3;

    private BenchmarkTd() {}

    /** Builds a TD and returns its root; one at a time, as a host does it. */
    static synchronized long build(TdxHost host, PamtManager manager, int number) {
        Seamcalls seamcalls = new Seamcalls(host.platform().processor(0));
        SeamcallRegisters regs = new SeamcallRegisters();
        long tdrHpa = manager.allocPage();
        check(seamcalls.mngCreate(regs, tdrHpa, host.platform().firstPrivateHkid() + 1L + number));
        check(seamcalls.mngKeyConfig(regs, tdrHpa));
        for (int i = 0; i < TDCS_PAGES; i++) {
            check(seamcalls.mngAddcx(regs, manager.allocPage(), tdrHpa));
        }
        long params = host.allocator().allocPage();
        writeTdParams(host.platform().memory(), params);
        check(seamcalls.mngInit(regs, tdrHpa, params));
        host.allocator().freePage(params);
        long tdvpr = manager.allocPage();
        check(seamcalls.vpCreate(regs, tdvpr, tdrHpa));
        for (int i = 1; i < TDVPS_PAGES; i++) {
            check(seamcalls.vpAddcx(regs, manager.allocPage(), tdvpr));
        }
        check(seamcalls.vpInit(regs, tdvpr, 0));
        for (int level = SEPT_LEVELS; level > 0; level--) {
            check(seamcalls.memSeptAdd(regs, level, tdrHpa, manager.allocPage()));
        }
        check(seamcalls.mrFinalize(regs, tdrHpa));
        return tdrHpa;
    }

    /** Write-back, 4 levels of Secure EPT, one vCPU, x87 and SSE, 1 GHz. */
    private static void writeTdParams(PhysicalMemory memory, long hpa) {
        memory.clearPage(hpa);
        memory.write64(hpa + 8, 3);
        memory.write64(hpa + 16, 1);
        memory.write64(hpa + 24, 6 | 3 << 3);
        memory.write64(hpa + 40, 40);
    }

    static void check(long status) {
        if (TdxStatus.isError(status)) {
            throw new IllegalStateException(TdxStatus.toString(status));
        }
    }
}
