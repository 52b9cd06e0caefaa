package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static dev.pamt.seamcall.emulator.TestTd.TDR;
import static dev.pamt.seamcall.emulator.TestTd.TDVPR;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.seamcall.AccessKind;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.guest.GuestAction;
import dev.pamt.seamcall.emulator.guest.GuestVcpu;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A TD from its creation to its end, and what programs do in its vCPU. */
@Timeout(30)
class GuestTest {
    private static final long EXTERNAL_INTERRUPT = 1;
    private static final long EPT_VIOLATION = 48;
    private static final long TDCALL = 77;
    private static final int VIRTUALISATION = 20;
    private static final int NO_EXCEPTION = -1;

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
            RacePoint.Listener.none());

    private GuestAction next(GuestVcpu vcpu) {
        inside.run();
        seen.add(vcpu);
        GuestAction action = script.poll();
        return action == null ? new GuestAction.Vmcall() : action;
    }

    private final TestTd td = new TestTd(host);

    @Test
    void anIdleGuestComesOutByVmcall() {
        assertEquals(TDCALL, td.enter());
        assertEquals(new GuestVcpu(TDR, TDVPR, 0, seen.get(0).rax(), NO_EXCEPTION), seen.get(0));
    }

    @Test
    void anAcceptedPageIsZeroedAndCanBeUsed() {
        host.machine.memory().write64(region(12) + 0x5008, 7);
        td.aug(GPA, region(12));
        script.add(new GuestAction.Accept(GPA, PageLevel.SIZE_2M));
        script.add(new GuestAction.Access(GPA + 0x5008, AccessKind.WRITE));
        assertEquals(TDCALL, td.enter());
        expect(TdxStatus.SUCCESS, seen.get(1).rax());
        assertEquals(NO_EXCEPTION, seen.get(2).exception());
        assertEquals(0, host.machine.memory().read64(region(12) + 0x5008));
    }

    @Test
    void anAccessThatTheHostMustServeIsRepeated() {
        script.add(new GuestAction.Access(GPA + 0x123, AccessKind.READ));
        script.add(new GuestAction.GetVeInfo());
        assertEquals(EPT_VIOLATION, td.enter());
        assertEquals(GPA, host.regs.r8);
        assertEquals(EPT_VIOLATION, td.enter());
        assertEquals(1, seen.size());
        td.aug(GPA, region(12));
        assertEquals(TDCALL, td.enter());
        assertEquals(VIRTUALISATION, seen.get(1).exception());
        expect(TdxStatus.SUCCESS, seen.get(2).rax());
    }

    @Test
    void anInterruptedAcceptGoesOnWhereItWas() {
        td.aug(GPA, region(12));
        script.add(new GuestAction.Accept(GPA, PageLevel.SIZE_2M));
        // One poll at entry, then one after each page.
        pollsBeforeInterrupt.set(3);
        assertEquals(EXTERNAL_INTERRUPT, td.enter());
        pollsBeforeInterrupt.set(NEVER);
        td.succeed(SeamcallLeaf.MEM_SEPT_RD, PageLevel.SIZE_2M.encode(GPA), TDR, 0);
        long pagesDone = (host.regs.rcx >>> PageLevel.SIZE_4K.shift()) & 511;
        assertEquals(3, pagesDone);
        assertEquals(TDCALL, td.enter());
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
        assertEquals(TDCALL, td.enter());
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), statuses.get(0));
        expect(TdxStatus.VCPU_STATE_INCORRECT, statuses.get(1) & 0xFFFF_FFFF_0000_0000L);
    }

    @Test
    void aProgramThatThrowsLeavesItsVcpuUsable() {
        inside = () -> {
            throw new IllegalStateException("the guest is broken");
        };
        assertThrows(IllegalStateException.class, td::enter);
        inside = () -> {};
        assertEquals(TDCALL, td.enter());
    }

    @Test
    void atItsEndATdGivesBackEveryPage() {
        td.enter();
        expect(TdxStatus.PAMT_PAGE_NOT_EMPTY, host.remove(5) & 0xFFFF_FFFF_0000_0000L);
        td.succeed(SeamcallLeaf.VP_FLUSH, TDVPR, 0, 0);
        td.succeed(SeamcallLeaf.MNG_VPFLUSHDONE, TDR, 0, 0);
        td.succeed(SeamcallLeaf.PHYMEM_CACHE_WB, 0, 0, 0);
        td.succeed(SeamcallLeaf.MNG_KEY_FREEID, TDR, 0, 0);
        expect(TdxStatus.TD_ASSOCIATED_PAGES_EXIST, td.call(SeamcallLeaf.PHYMEM_PAGE_RECLAIM, TDR, 0, 0));
        for (int i = 1; i <= TestTd.CONTROL_PAGES; i++) {
            td.succeed(SeamcallLeaf.PHYMEM_PAGE_RECLAIM, TestTd.controlPage(i), 0, 0);
        }
        for (int i = 0; i <= TestTd.VCPU_CONTROL_PAGES; i++) {
            td.succeed(SeamcallLeaf.PHYMEM_PAGE_RECLAIM, TestTd.vcpuPage(i), 0, 0);
        }
        for (int level = 3; level > 1; level--) {
            td.succeed(SeamcallLeaf.PHYMEM_PAGE_RECLAIM, TestTd.septPage(level), 0, 0);
        }
        td.succeed(SeamcallLeaf.PHYMEM_PAGE_RECLAIM, TDR, 0, 0);
        expect(TdxStatus.SUCCESS, host.remove(5));
    }
}
