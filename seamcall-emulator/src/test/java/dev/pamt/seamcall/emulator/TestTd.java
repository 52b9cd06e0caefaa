package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxStatus;

/**
 * A TD with one vCPU that can run on processor 0. Its own pages are of region 5; its Secure EPT reaches down to the entries of
 * 2M pages from guest address 0 on.
 */
final class TestTd {
    static final long TDR = page(5, 0);
    static final long TDVPR = page(5, 16);
    static final int CONTROL_PAGES = 6;
    static final int VCPU_CONTROL_PAGES = 5;

    private static final int HKID = 40;
    private static final int ROOT_LEVEL = 3;
    private static final long PARAMS = 0x3000;

    private final TestHost host;

    TestTd(TestHost host) {
        this.host = host;
        expect(TdxStatus.SUCCESS, host.add(5, page(9, 0), page(9, 1)));
        expect(TdxStatus.SUCCESS, host.calls().mngCreate(host.regs, TDR, HKID));
        succeed(SeamcallLeaf.MNG_KEY_CONFIG, TDR, 0, 0);
        for (int i = 1; i <= CONTROL_PAGES; i++) {
            succeed(SeamcallLeaf.MNG_ADDCX, controlPage(i), TDR, 0);
        }
        writeParams();
        succeed(SeamcallLeaf.MNG_INIT, TDR, PARAMS, 0);
        succeed(SeamcallLeaf.VP_CREATE, TDVPR, TDR, 0);
        for (int i = 1; i <= VCPU_CONTROL_PAGES; i++) {
            succeed(SeamcallLeaf.VP_ADDCX, vcpuPage(i), TDVPR, 0);
        }
        succeed(SeamcallLeaf.VP_INIT, TDVPR, 0, 0);
        for (int level = ROOT_LEVEL; level > 1; level--) {
            succeed(SeamcallLeaf.MEM_SEPT_ADD, level, TDR, septPage(level));
        }
        succeed(SeamcallLeaf.MR_FINALIZE, TDR, 0, 0);
    }

    static long controlPage(int number) {
        return page(5, number);
    }

    static long vcpuPage(int number) {
        return page(5, 16 + number);
    }

    static long septPage(int level) {
        return page(5, 32 + level);
    }

    private void writeParams() {
        long maxVcpus = 4;
        long xfam = 3;
        long writeBackFourLevels = 6 | 3 << 3;
        long tscFrequency = 40;
        host.machine.memory().write64(PARAMS + 8, xfam);
        host.machine.memory().write64(PARAMS + 16, maxVcpus);
        host.machine.memory().write64(PARAMS + 24, writeBackFourLevels);
        host.machine.memory().write64(PARAMS + 40, tscFrequency);
    }

    long call(SeamcallLeaf leaf, long rcx, long rdx, long r8) {
        host.regs.clear();
        host.regs.r8 = r8;
        return host.call(leaf, rcx, rdx);
    }

    void succeed(SeamcallLeaf leaf, long rcx, long rdx, long r8) {
        expect(TdxStatus.SUCCESS, call(leaf, rcx, rdx, r8));
    }

    long enter() {
        return call(SeamcallLeaf.VP_ENTER, TDVPR, 0, 0);
    }

    /** Gives a 2M page. */
    void aug(long gpa, long hpa) {
        succeed(SeamcallLeaf.MEM_PAGE_AUG, PageLevel.SIZE_2M.encode(gpa), TDR, hpa);
    }
}
