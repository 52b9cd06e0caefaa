package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.platform.Schedule;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A TD from its creation to its end, and what programs do in its vCPU. All its own pages are of region 5. */
@Timeout(30)
class GuestTest {
    private static final long EXTERNAL_INTERRUPT = 1;
    private static final long EPT_VIOLATION = 48;
    private static final long TDCALL = 77;
    private static final int VIRTUALISATION = 20;
    private static final int NO_EXCEPTION = -1;

    private static final int HKID = 40;
    private static final int CONTROL_PAGES = 6;
    private static final int VCPU_CONTROL_PAGES = 5;
    private static final long PARAMS = 0x3000;
    private static final long TDR = page(5, 0);
    private static final long TDVPR = page(5, 16);
    private static final long SEPT = page(5, 32);
    private static final long GPA = 0x40_0000;
    private static final int NEVER = Integer.MAX_VALUE;

    private final Deque<GuestAction> script = new ArrayDeque<>();
    private final List<GuestVcpu> seen = new ArrayList<>();
    private final AtomicInteger pollsBeforeInterrupt = new AtomicInteger(NEVER);
    private Runnable inside = () -> {};

    private final TestHost host = TestHost.ready(
            TestHost.config()
                    .guests(this::next)
                    .interrupts(processor ->
                            pollsBeforeInterrupt.get() != NEVER && pollsBeforeInterrupt.getAndDecrement() <= 0)
                    .build(),
            true,
            Schedule.free());

    private GuestAction next(GuestVcpu vcpu) {
        inside.run();
        seen.add(vcpu);
        GuestAction action = script.poll();
        return action == null ? new GuestAction.Vmcall() : action;
    }

    @BeforeEach
    void build() {
        expect(TdxStatus.SUCCESS, host.add(5, page(9, 0), page(9, 1)));
        expect(TdxStatus.SUCCESS, host.calls().mngCreate(host.regs, TDR, HKID));
        succeed(SeamcallLeaf.MNG_KEY_CONFIG, TDR, 0, 0);
        for (int i = 1; i <= CONTROL_PAGES; i++) {
            succeed(SeamcallLeaf.MNG_ADDCX, page(5, i), TDR, 0);
        }
        writeParams();
        succeed(SeamcallLeaf.MNG_INIT, TDR, PARAMS, 0);
        succeed(SeamcallLeaf.VP_CREATE, TDVPR, TDR, 0);
        for (int i = 1; i <= VCPU_CONTROL_PAGES; i++) {
            succeed(SeamcallLeaf.VP_ADDCX, TDVPR + i * PageLevel.SIZE_4K.bytes(), TDVPR, 0);
        }
        succeed(SeamcallLeaf.VP_INIT, TDVPR, 0, 0);
        for (int level = 3; level >= 1; level--) {
            succeed(SeamcallLeaf.MEM_SEPT_ADD, level, TDR, SEPT + level * PageLevel.SIZE_4K.bytes());
        }
        succeed(SeamcallLeaf.MR_FINALIZE, TDR, 0, 0);
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

    private long call(SeamcallLeaf leaf, long rcx, long rdx, long r8) {
        host.regs.clear();
        host.regs.r8 = r8;
        return host.call(leaf, rcx, rdx);
    }

    private void succeed(SeamcallLeaf leaf, long rcx, long rdx, long r8) {
        expect(TdxStatus.SUCCESS, call(leaf, rcx, rdx, r8));
    }

    private long enter() {
        return call(SeamcallLeaf.VP_ENTER, TDVPR, 0, 0);
    }

    private void aug(long hpa) {
        succeed(SeamcallLeaf.MEM_PAGE_AUG, PageLevel.SIZE_2M.encode(GPA), TDR, hpa);
    }

    @Test
    void anIdleGuestComesOutByVmcall() {
        assertEquals(TDCALL, enter());
        assertEquals(new GuestVcpu(TDR, TDVPR, 0, seen.get(0).rax(), NO_EXCEPTION), seen.get(0));
    }

    @Test
    void anAcceptedPageIsZeroedAndCanBeUsed() {
        host.machine.memory().write64(region(12) + 0x5008, 7);
        aug(region(12));
        script.add(new GuestAction.Accept(GPA, PageLevel.SIZE_2M));
        script.add(new GuestAction.Access(GPA + 0x5008, GuestAction.AccessKind.WRITE));
        assertEquals(TDCALL, enter());
        expect(TdxStatus.SUCCESS, seen.get(1).rax());
        assertEquals(NO_EXCEPTION, seen.get(2).exception());
        assertEquals(0, host.machine.memory().read64(region(12) + 0x5008));
    }

    @Test
    void anAccessThatTheHostMustServeIsRepeated() {
        script.add(new GuestAction.Access(GPA + 0x123, GuestAction.AccessKind.READ));
        script.add(new GuestAction.GetVeInfo());
        assertEquals(EPT_VIOLATION, enter());
        assertEquals(GPA, host.regs.r8);
        assertEquals(EPT_VIOLATION, enter());
        assertEquals(1, seen.size());
        aug(region(12));
        assertEquals(TDCALL, enter());
        assertEquals(VIRTUALISATION, seen.get(1).exception());
        expect(TdxStatus.SUCCESS, seen.get(2).rax());
    }

    @Test
    void anInterruptedAcceptGoesOnWhereItWas() {
        aug(region(12));
        script.add(new GuestAction.Accept(GPA, PageLevel.SIZE_2M));
        // One poll at entry, then one after each page.
        pollsBeforeInterrupt.set(3);
        assertEquals(EXTERNAL_INTERRUPT, enter());
        pollsBeforeInterrupt.set(NEVER);
        succeed(SeamcallLeaf.MEM_SEPT_RD, PageLevel.SIZE_2M.encode(GPA), TDR, 0);
        long pagesDone = (host.regs.rcx >>> PageLevel.SIZE_4K.shift()) & 511;
        assertEquals(3, pagesDone);
        assertEquals(TDCALL, enter());
        expect(TdxStatus.SUCCESS, seen.get(1).rax());
    }

    @Test
    void aVcpuThatRunsKeepsItsPagesAndEntersOnce() {
        SeamcallRegisters others = new SeamcallRegisters();
        List<Long> statuses = new ArrayList<>();
        inside = () -> {
            statuses.add(host.calls(1).pamtRemove(others, region(5)));
            others.rcx = TDVPR;
            statuses.add(host.machine.processor(1).seamcall(SeamcallLeaf.VP_ENTER.rax(), others));
        };
        assertEquals(TDCALL, enter());
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), statuses.get(0));
        expect(TdxStatus.VCPU_STATE_INCORRECT, statuses.get(1) & 0xFFFF_FFFF_0000_0000L);
    }

    @Test
    void aProgramThatThrowsLeavesItsVcpuUsable() {
        inside = () -> {
            throw new IllegalStateException("the guest is broken");
        };
        assertThrows(IllegalStateException.class, this::enter);
        inside = () -> {};
        assertEquals(TDCALL, enter());
    }

    @Test
    void atItsEndATdGivesBackEveryPage() {
        enter();
        expect(TdxStatus.PAMT_PAGE_NOT_EMPTY, host.remove(5) & 0xFFFF_FFFF_0000_0000L);
        succeed(SeamcallLeaf.VP_FLUSH, TDVPR, 0, 0);
        succeed(SeamcallLeaf.MNG_VPFLUSHDONE, TDR, 0, 0);
        succeed(SeamcallLeaf.PHYMEM_CACHE_WB, 0, 0, 0);
        succeed(SeamcallLeaf.MNG_KEY_FREEID, TDR, 0, 0);
        expect(TdxStatus.TD_ASSOCIATED_PAGES_EXIST, call(SeamcallLeaf.PHYMEM_PAGE_RECLAIM, TDR, 0, 0));
        for (int i = 1; i <= CONTROL_PAGES; i++) {
            succeed(SeamcallLeaf.PHYMEM_PAGE_RECLAIM, page(5, i), 0, 0);
        }
        for (int i = 0; i <= VCPU_CONTROL_PAGES; i++) {
            succeed(SeamcallLeaf.PHYMEM_PAGE_RECLAIM, TDVPR + i * PageLevel.SIZE_4K.bytes(), 0, 0);
        }
        for (int level = 3; level >= 1; level--) {
            succeed(SeamcallLeaf.PHYMEM_PAGE_RECLAIM, SEPT + level * PageLevel.SIZE_4K.bytes(), 0, 0);
        }
        succeed(SeamcallLeaf.PHYMEM_PAGE_RECLAIM, TDR, 0, 0);
        expect(TdxStatus.SUCCESS, host.remove(5));
    }
}
