package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static dev.pamt.seamcall.emulator.TestTd.TDR;
import static dev.pamt.seamcall.emulator.TestTd.septPage;
import static dev.pamt.seamcall.emulator.TestTd.septPages;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.guest.GuestAction;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import dev.pamt.seamcall.harness.ModuleInspection.TdLock;
import org.junit.jupiter.api.Test;

/** MEM.RANGE.BLOCK, MEM.RANGE.UNBLOCK and MEM.TRACK, and the check that both were done. */
class RangesTest {
    private static final long GPA = PageLevel.SIZE_2M.encode(0);
    private static final long ANY_ACCESS = 7 | 1 << 10;
    private static final long TD_KEY = 40L << 40;
    private static final long BLOCKED = 1L << 55;
    private static final long PENDING_PAGE = 1L << 63 | 1L << 56 | 0xF0 | TD_KEY;

    private final long[] inside = new long[3];
    private final SeamcallRegisters others = new SeamcallRegisters();
    private Runnable whileInside = () -> {};
    private final TestHost host = TestHost.ready(
            TestHost.config()
                    .guests(vcpu -> {
                        whileInside.run();
                        return new GuestAction.Vmcall();
                    })
                    .build(),
            true,
            RacePoint.Listener.none());
    private final TestTd td = new TestTd(host, 2);

    private long block(long gpaAndLevel) {
        return td.call(SeamcallLeaf.MEM_RANGE_BLOCK, gpaAndLevel, TDR, 0);
    }

    private long unblock(long gpaAndLevel) {
        return td.call(SeamcallLeaf.MEM_RANGE_UNBLOCK, gpaAndLevel, TDR, 0);
    }

    private long track() {
        return td.call(SeamcallLeaf.MEM_TRACK, TDR, 0, 0);
    }

    private long bepochOf(long hpaAndLevel) {
        expect(TdxStatus.SUCCESS, host.rdmd(hpaAndLevel));
        return host.regs.r9;
    }

    private void assertUnlocked() {
        assertEquals(0, host.inspection().tdLock(TDR, TdLock.SEPT_TREE));
        assertEquals(0, host.inspection().tdLock(TDR, TdLock.OP_STATE));
        assertEquals(0, host.inspection().tdLock(TDR, TdLock.EPOCH));
        assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_4K, TDR));
        assertEquals(0, td.entry(0, 1) & 1L << 11);
    }

    @Test
    void aPendingPageIsBlockedAndUnblocked() {
        td.aug(0, region(6));
        expect(TdxStatus.SUCCESS, block(GPA));
        assertEquals(0, host.regs.rcx);
        assertEquals(0, host.regs.rdx);
        assertEquals(PENDING_PAGE | BLOCKED | region(6), td.entry(0, 1));
        expect(TdxStatus.GPA_RANGE_ALREADY_BLOCKED.with(TdxOperand.RCX), block(GPA));
        assertEquals(3 << 8 | 1, host.regs.rdx);
        expect(TdxStatus.SUCCESS, track());
        expect(TdxStatus.SUCCESS, unblock(GPA));
        assertEquals(0, host.regs.rcx);
        assertEquals(PENDING_PAGE | region(6), td.entry(0, 1));
        expect(TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX), unblock(GPA));
        assertEquals(2 << 8 | 1, host.regs.rdx);
        assertUnlocked();
    }

    @Test
    void anAcceptedPageLosesItsPermissionsAndGetsThemBack() {
        td.aug(0, region(6));
        long mapped = (td.entry(0, 1) & ~(1L << 56)) | ANY_ACCESS;
        td.setEntry(0, 1, mapped);
        td.block(GPA);
        assertEquals((mapped & ~ANY_ACCESS) | BLOCKED, td.entry(0, 1));
        td.succeed(SeamcallLeaf.MEM_SEPT_RD, GPA, TDR, 0);
        assertEquals(1 << 8 | 1, host.regs.rdx);
        expect(TdxStatus.SUCCESS, unblock(GPA));
        assertEquals(mapped, td.entry(0, 1));
    }

    @Test
    void nothingCanBeBlockedWhereNothingIs() {
        expect(TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX), block(GPA));
        assertEquals(1L << 63, host.regs.rcx);
        assertEquals(1, host.regs.rdx);
        expect(TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX), unblock(GPA));
        assertUnlocked();
    }

    @Test
    void theEpochOfABlockIsKeptBesideThePageOfItsLevel() {
        td.aug(0, region(6));
        expect(TdxStatus.SUCCESS, track());
        expect(TdxStatus.SUCCESS, block(GPA));
        assertEquals(2, bepochOf(PageLevel.SIZE_2M.encode(region(6))));
        expect(TdxStatus.SUCCESS, track());
        expect(TdxStatus.SUCCESS, block(2));
        assertEquals(3, bepochOf(septPage(2)));
        assertEquals(2, bepochOf(PageLevel.SIZE_2M.encode(region(6))));
    }

    @Test
    void theL2VmsAreBlockedAndUnblockedWithTheTd() {
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, septPages(1, 1)));
        long l2Entry = host.machine.memory().read64(septPage(1, 2));
        td.block(GPA);
        assertEquals((l2Entry & ~ANY_ACCESS) | BLOCKED, host.machine.memory().read64(septPage(1, 2)));
        assertEquals(0, host.machine.memory().read64(septPage(2, 2)));
        expect(TdxStatus.SUCCESS, unblock(GPA));
        assertEquals(l2Entry, host.machine.memory().read64(septPage(1, 2)));
        assertEquals(0, host.machine.memory().read64(septPage(2, 2)));
        assertEquals(1L << 63 | 1L << 58 | TD_KEY | septPage(1) | ANY_ACCESS, td.entry(0, 1));
    }

    @Test
    void anAliasWithoutAnL2EntryIsFatal() {
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, septPages(1, 1)));
        td.setEntry(0, 1, td.entry(0, 1) | 1L << 59);
        assertThrows(SeamcallUnavailableException.class, () -> block(GPA));
        assertEquals(new FatalError(16, SeamcallLeaf.MEM_RANGE_BLOCK, 0), fatalError());
    }

    @Test
    void anAliasBelowTheTreeOfTheL2VmIsFatal() {
        expect(TdxStatus.SUCCESS, td.septAdd(2 | 1L << 30, septPages(1, 0)));
        td.aug(1L << 30, region(6));
        td.setEntry(1L << 30, 1, td.entry(1L << 30, 1) | 1L << 58);
        assertThrows(SeamcallUnavailableException.class, () -> block(1 | 1L << 30));
        assertEquals(new FatalError(15, SeamcallLeaf.MEM_RANGE_BLOCK, 0), fatalError());
    }

    private FatalError fatalError() {
        return host.machine.fatal().orElseThrow();
    }

    @Test
    void unblockWaitsForTracking() {
        td.aug(0, region(6));
        expect(TdxStatus.SUCCESS, block(GPA));
        expect(TdxStatus.TLB_TRACKING_NOT_DONE.with(TdxOperand.RCX), unblock(GPA));
        assertEquals(0, host.regs.rcx);
        assertEquals(0, host.regs.rdx);
        assertEquals(PENDING_PAGE | BLOCKED | region(6), td.entry(0, 1));
        assertUnlocked();
        expect(TdxStatus.SUCCESS, track());
        expect(TdxStatus.SUCCESS, unblock(GPA));
    }

    @Test
    void aTdThatIsBeingBuiltNeedsNoTracking() {
        TestHost other = TestHost.ready();
        TestTd built = TestTd.unfinished(other);
        built.aug(0, region(6));
        built.succeed(SeamcallLeaf.MEM_RANGE_BLOCK, GPA, TDR, 0);
        built.succeed(SeamcallLeaf.MEM_RANGE_UNBLOCK, GPA, TDR, 0);
        built.succeed(SeamcallLeaf.MEM_PAGE_REMOVE, GPA, TDR, 0);
        assertEquals(region(6), other.regs.rcx);
    }

    @Test
    void trackBeginsAnEpoch() {
        assertEquals(1, host.inspection().epoch(TDR));
        expect(TdxStatus.SUCCESS, track());
        assertEquals(2, host.inspection().epoch(TDR));
        assertEquals(TDR, host.regs.rcx);
        assertUnlocked();
    }

    @Test
    void trackWaitsForVcpusOfTheEpochBefore() {
        whileInside = () -> {
            others.rcx = TDR;
            for (int i = 0; i < inside.length; i++) {
                inside[i] = host.machine.processor(1).seamcall(SeamcallLeaf.MEM_TRACK.rax(), others);
            }
        };
        td.enter();
        expect(TdxStatus.SUCCESS, inside[0]);
        expect(TdxStatus.PREVIOUS_TLB_EPOCH_BUSY, inside[1]);
        expect(TdxStatus.PREVIOUS_TLB_EPOCH_BUSY, inside[2]);
        assertEquals(2, host.inspection().epoch(TDR));
        expect(TdxStatus.SUCCESS, track());
        assertEquals(3, host.inspection().epoch(TDR));
    }

    @Test
    void aVcpuThatWasInsideWhenAPageWasBlockedKeepsItFromBeingChanged() {
        td.aug(0, region(6));
        expect(TdxStatus.SUCCESS, block(GPA));
        whileInside = () -> {
            inside[0] = host.calls(1).memTrack(others, TDR);
            inside[1] = host.calls(1).memRangeUnblock(others, GPA, TDR);
        };
        td.enter();
        expect(TdxStatus.SUCCESS, inside[0]);
        expect(TdxStatus.TLB_TRACKING_NOT_DONE.with(TdxOperand.RCX), inside[1]);
        expect(TdxStatus.SUCCESS, unblock(GPA));
    }

    @Test
    void aVcpuThatEnteredAfterTheTrackingDoesNotMatter() {
        td.aug(0, region(6));
        td.block(GPA);
        whileInside = () -> inside[0] = host.calls(1).memRangeUnblock(others, GPA, TDR);
        td.enter();
        expect(TdxStatus.SUCCESS, inside[0]);
    }

    @Test
    void aVcpuOfALaterEpochDoesNotMatterForAnEarlierBlock() {
        td.aug(0, region(6));
        td.block(GPA);
        whileInside = () -> {
            inside[0] = host.calls(1).memTrack(others, TDR);
            inside[1] = host.calls(1).memRangeUnblock(others, GPA, TDR);
        };
        td.enter();
        expect(TdxStatus.SUCCESS, inside[0]);
        expect(TdxStatus.SUCCESS, inside[1]);
    }

    @Test
    void aPageThatNoBlockHasMarkedWithAnEpochCountsAsBlockedLongAgo() {
        td.aug(0, region(6));
        td.setEntry(0, 1, td.entry(0, 1) | BLOCKED);
        expect(TdxStatus.SUCCESS, unblock(GPA));
    }

    @Test
    void trackNeedsTheEpochLockAlone() {
        for (int held : new int[] {1, 2}) {
            host.inspection().setTdLock(TDR, TdLock.EPOCH, held);
            expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.TD_EPOCH), track());
            assertEquals(held, host.inspection().tdLock(TDR, TdLock.EPOCH));
        }
        assertEquals(1, host.inspection().epoch(TDR));
        host.inspection().setTdLock(TDR, TdLock.EPOCH, 0);
        host.inspection().setTdLock(TDR, TdLock.OP_STATE, 1);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.OP_STATE), track());
        host.inspection().setTdLock(TDR, TdLock.OP_STATE, 0);
        expect(TdxStatus.SUCCESS, track());
    }

    @Test
    void trackIsForATdThatIsInitialised() {
        expect(TdxStatus.SUCCESS, host.calls().mngCreate(host.regs, page(5, 200), 41));
        expect(TdxStatus.TD_KEYS_NOT_CONFIGURED, td.call(SeamcallLeaf.MEM_TRACK, page(5, 200), 0, 0));
        expect(
                TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RCX),
                td.call(SeamcallLeaf.MEM_TRACK, TestTd.TDVPR, 0, 0));
        assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_4K, page(5, 200)));
    }
}
