package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxStatus;

/**
 * A TD with one vCPU that can run on processor 0. Its own pages are of region 5; its Secure EPT reaches down to the entries of
 * 2M pages from guest address 0 on, and those of its L2 VMs do.
 */
final class TestTd {
    static final long TDR = page(5, 0);
    static final long TDVPR = page(5, 16);
    static final int CONTROL_PAGES = 6;
    static final int VCPU_CONTROL_PAGES = 5;

    private static final int HKID = 40;
    private static final int ROOT_LEVEL = 3;
    private static final int VCPU_CONTROL_PAGES_OF_AN_L2_VM = 3;
    private static final long PARAMS = 0x3000;

    /** In a register for a Secure EPT page: none. */
    static final long NO_PAGE = -1;

    private final TestHost host;

    TestTd(TestHost host) {
        this(host, 0);
    }

    TestTd(TestHost host, int l2Vms) {
        this(host, l2Vms, 0);
    }

    TestTd(TestHost host, int l2Vms, long attributes) {
        this(host, l2Vms, attributes, true);
    }

    private TestTd(TestHost host, int l2Vms, long attributes, boolean finished) {
        this.host = host;
        host.machine.memory().write64(PARAMS, attributes);
        if (host.dynamicPamt) {
            expect(TdxStatus.SUCCESS, host.add(5, page(9, 0), page(9, 1)));
        }
        expect(TdxStatus.SUCCESS, host.calls().mngCreate(host.regs, TDR, HKID));
        succeed(SeamcallLeaf.MNG_KEY_CONFIG, TDR, 0, 0);
        for (int i = 1; i <= CONTROL_PAGES + l2Vms; i++) {
            succeed(SeamcallLeaf.MNG_ADDCX, controlPage(i), TDR, 0);
        }
        writeParams(l2Vms);
        succeed(SeamcallLeaf.MNG_INIT, TDR, PARAMS, 0);
        succeed(SeamcallLeaf.VP_CREATE, TDVPR, TDR, 0);
        for (int i = 1; i <= VCPU_CONTROL_PAGES + VCPU_CONTROL_PAGES_OF_AN_L2_VM * l2Vms; i++) {
            succeed(SeamcallLeaf.VP_ADDCX, vcpuPage(i), TDVPR, 0);
        }
        succeed(SeamcallLeaf.VP_INIT, TDVPR, 0, 0);
        for (int level = ROOT_LEVEL; level > 1; level--) {
            expect(TdxStatus.SUCCESS, septAdd(level, septPages(level, l2Vms)));
        }
        if (finished) {
            succeed(SeamcallLeaf.MR_FINALIZE, TDR, 0, 0);
        }
    }

    /** A TD that is still being built. */
    static TestTd unfinished(TestHost host) {
        return new TestTd(host, 0, 0, false);
    }

    static long controlPage(int number) {
        return page(5, number);
    }

    static long vcpuPage(int number) {
        return page(5, 16 + number);
    }

    static long septPage(int level) {
        return septPage(0, level);
    }

    /** A page for the Secure EPT of a VM: 0 is the TD itself. */
    static long septPage(int vm, int level) {
        return page(5, 32 + 8 * vm + level);
    }

    /** A page for the TD and one for each L2 VM, as R8 to R11 take them. */
    static long[] septPages(int level, int l2Vms) {
        long[] pages = new long[4];
        for (int vm = 0; vm < pages.length; vm++) {
            pages[vm] = vm <= l2Vms ? septPage(vm, level) : NO_PAGE;
        }
        return pages;
    }

    private void writeParams(int l2Vms) {
        long maxVcpus = 4;
        long xfam = 3;
        long writeBackFourLevels = 6 | 3 << 3;
        long tscFrequency = 40;
        host.machine.memory().write64(PARAMS + 8, xfam);
        host.machine.memory().write64(PARAMS + 16, maxVcpus | (long) l2Vms << 16);
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

    /** MEM.SEPT.ADD, version 1. */
    long septAdd(long gpaAndLevel, long... pages) {
        return septAddOfVersion(1, gpaAndLevel, TDR, pages);
    }

    long septAddOfVersion(int version, long gpaAndLevel, long tdrAndFlag, long... pages) {
        host.regs.clear();
        host.regs.rcx = gpaAndLevel;
        host.regs.rdx = tdrAndFlag;
        setPages(pages);
        return host.machine.processor(0).seamcall(SeamcallLeaf.MEM_SEPT_ADD.rax(version), host.regs);
    }

    /** MEM.PAGE.DEMOTE of a 2M page, whose 4K pages get their entries in a pair. */
    long demote(long gpa, long tdrAndFlag, long pair0, long pair1, long... pages) {
        host.regs.clear();
        setPages(pages);
        host.regs.r12 = pair0;
        host.regs.r13 = pair1;
        return host.call(SeamcallLeaf.MEM_PAGE_DEMOTE, PageLevel.SIZE_2M.encode(gpa), tdrAndFlag);
    }

    private void setPages(long... pages) {
        host.regs.r8 = pages[0];
        host.regs.r9 = pages[1];
        host.regs.r10 = pages[2];
        host.regs.r11 = pages[3];
    }

    /** Blocks and tracks, so that what is at the address can change. */
    void block(long gpaAndLevel) {
        succeed(SeamcallLeaf.MEM_RANGE_BLOCK, gpaAndLevel, TDR, 0);
        succeed(SeamcallLeaf.MEM_TRACK, TDR, 0, 0);
    }

    long childPages() {
        return host.inspection().childPages(TDR);
    }

    /** The raw Secure EPT entry of a guest address. */
    long entry(long gpa, int level) {
        return host.inspection().septEntry(TDR, gpa, level);
    }

    void setEntry(long gpa, int level, long entry) {
        host.inspection().setSeptEntry(TDR, gpa, level, entry);
    }

    long enter() {
        return call(SeamcallLeaf.VP_ENTER, TDVPR, 0, 0);
    }

    /** Gives a 2M page. */
    void aug(long gpa, long hpa) {
        succeed(SeamcallLeaf.MEM_PAGE_AUG, PageLevel.SIZE_2M.encode(gpa), TDR, hpa);
    }
}
