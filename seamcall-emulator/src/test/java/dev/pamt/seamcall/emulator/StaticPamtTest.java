package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static dev.pamt.seamcall.emulator.TestTd.NO_PAGE;
import static dev.pamt.seamcall.emulator.TestTd.TDR;
import static dev.pamt.seamcall.emulator.TestTd.septPage;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A module in static mode: every 4K page has its entry from the start, and there are no pairs. */
class StaticPamtTest {
    private static final long GPA_2M = PageLevel.SIZE_2M.encode(0);

    private final TestHost host = TestHost.ready(TestHost.config().build(), false, RacePoint.Listener.none());

    @Test
    void pairsAreUnknownLeaves() {
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX), host.add(5, page(9, 0), page(9, 1)));
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX), host.remove(5));
    }

    @Test
    void aPageCanBeUsedAtOnceAndComesBackWithoutAHint() {
        expect(TdxStatus.SUCCESS, host.calls().mngCreate(host.regs, page(5, 0), 40));
        expect(TdxStatus.SUCCESS, host.rdmd(page(5, 0)));
        assertEquals(PageType.TDR, host.regs.rcx);
        expect(TdxStatus.SUCCESS, host.calls().mngVpflushdone(host.regs, page(5, 0)));
        expect(TdxStatus.WBCACHE_NOT_COMPLETE, host.calls().mngKeyFreeid(host.regs, page(5, 0)));
        expect(TdxStatus.SUCCESS, host.calls().cacheWb(host.regs, 0));
        expect(TdxStatus.SUCCESS, host.calls().mngKeyFreeid(host.regs, page(5, 0)));
        expect(TdxStatus.SUCCESS, host.calls().pageReclaim(host.regs, page(5, 0)));
        assertEquals(0, host.regs.r9);
    }

    @Test
    void aReservedPageIsNobodys() {
        expect(TdxStatus.SUCCESS, host.rdmd(region(0)));
        assertEquals(PageType.RSVD, host.regs.rcx);
        expect(
                TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RCX),
                host.calls().mngCreate(host.regs, region(0), 40));
        expect(
                TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RCX),
                host.calls().pageReclaim(host.regs, region(0)));
    }

    @Test
    void onlyTheMetadataOf4KPagesCanBeRead() {
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX), host.rdmd(region(5) | 1));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 255, 256, 511})
    void aRegionWithAPageInUseIsNotFree(int number) {
        TestTd td = new TestTd(host);
        expect(TdxStatus.SUCCESS, host.calls().mngCreate(host.regs, page(7, number), 41));
        expect(
                TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.R8),
                td.call(SeamcallLeaf.MEM_PAGE_AUG, GPA_2M, TDR, region(7)));
        assertEquals(0, host.lock2m(7));
        td.aug(0, region(6));
        td.succeed(SeamcallLeaf.MEM_PAGE_AUG, PageLevel.SIZE_2M.encode(4 << 20), TDR, region(8));
    }

    @Test
    void a2MPageIsSplitAndMergedWithoutAPair() {
        TestTd td = new TestTd(host);
        td.aug(0, region(6));
        td.block(GPA_2M);
        long children = td.childPages();
        expect(TdxStatus.SUCCESS, td.demote(0, TDR, 3, 5, septPage(1), NO_PAGE, NO_PAGE, NO_PAGE));
        assertEquals(children + 1, td.childPages());
        for (int i = 0; i < 512; i++) {
            assertEquals(PageType.REG, host.typeOf(page(6, i)));
            assertEquals(TDR, host.regs.rdx);
            assertEquals(0, host.regs.r8);
            assertEquals(0, host.regs.r9);
        }
        assertEquals(PageType.NDA, host.typeOf(page(7, 0)));
        assertEquals(PageType.NDA, host.typeOf(page(5, 511)));
        assertEquals(0, host.lock2m(6));
        td.block(GPA_2M);
        td.call(SeamcallLeaf.MEM_PAGE_PROMOTE, GPA_2M, TDR, 0);
        assertEquals(septPage(1), host.regs.rcx);
        assertEquals(0, host.regs.r12);
        assertEquals(0, host.regs.r13);
        assertEquals(children, td.childPages());
        for (int i : new int[] {0, 1, 511}) {
            assertEquals(PageType.REG, host.typeOf(page(6, i)));
            assertEquals(TDR, host.regs.rdx);
            assertEquals(1, host.regs.r8);
            assertEquals(0, host.inspection().pamtEntryWord(PageLevel.SIZE_4K, page(6, i), 0) & 0x1F_0000);
        }
        assertEquals(0, host.lock2m(6));
    }

    @Test
    void theLastPageOfARegionComesBackWithoutAHint() {
        TestTd td = new TestTd(host);
        expect(TdxStatus.SUCCESS, td.septAdd(GPA_2M, septPage(1), NO_PAGE, NO_PAGE, NO_PAGE));
        td.succeed(SeamcallLeaf.MEM_PAGE_AUG, 0, TDR, page(8, 1));
        td.block(0);
        td.succeed(SeamcallLeaf.MEM_PAGE_REMOVE, 0, TDR, 0);
        assertEquals(page(8, 1), host.regs.rcx);
    }
}
