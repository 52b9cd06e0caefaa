package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static dev.pamt.seamcall.emulator.TestTd.TDR;
import static dev.pamt.seamcall.emulator.TestTd.TDVPR;
import static dev.pamt.seamcall.emulator.TestTd.septPage;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.pamt.PageType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** PHYMEM.PAGE.RDMD: which registers say what of which page. */
class PageMetadataTest {
    private static final long NON_LEAF = 1L << 63;

    private final TestHost host = TestHost.ready();
    private final TestTd td = new TestTd(host);

    private long read(long hpaAndLevel) {
        host.regs.clear();
        host.regs.rdx = 5;
        host.regs.r8 = 5;
        host.regs.r9 = 5;
        host.regs.r10 = 5;
        host.regs.r11 = 5;
        return host.rdmd(hpaAndLevel);
    }

    private void assertReturned(long type, long owner, long level, long bepoch, long page0, long page1) {
        assertEquals(type, host.regs.rcx);
        assertEquals(owner, host.regs.rdx);
        assertEquals(level, host.regs.r8);
        assertEquals(bepoch, host.regs.r9);
        assertEquals(page0, host.regs.r10);
        assertEquals(page1, host.regs.r11);
    }

    /** No such level, reserved bits, not aligned to the level, a key id, above 2^52. */
    @ParameterizedTest
    @ValueSource(
            longs = {3, 7, 1 << 3, 1 << 11, 1 | 1 << 12, 1 | 1 << 20, 2 | 1 << 21, 2 | 1 << 29, 1L << 40, 1L << 52})
    void anAddressThatCannotBeIsRefused(long wrong) {
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX), read(1L << 32 | wrong));
        assertReturned(0, 0, 0, 0, 0, 0);
    }

    @Test
    void aPageOutsideTheTdmrsIsRefused() {
        expect(TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.RCX), read(0x1000));
        assertReturned(0, 0, 0, 0, 0, 0);
    }

    @Test
    void aPageThatIsHeldExclusivelyIsBusy() {
        host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 1);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), read(TDR));
        assertReturned(0, 0, 0, 0, 0, 0);
        host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 4);
        expect(TdxStatus.SUCCESS, read(TDR));
        assertEquals(4, host.inspection().lockWord(PageLevel.SIZE_4K, TDR));
        assertEquals(0, host.lock2m(5));
        assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_1G, TDR));
    }

    @Test
    void ofAPageOfATdItTellsTypeAndOwner() {
        expect(TdxStatus.SUCCESS, read(TDR));
        assertReturned(PageType.TDR, 0, 0, 0, 0, 0);
        expect(TdxStatus.SUCCESS, read(TDVPR));
        assertReturned(PageType.TDVPR, TDR, 0, 0, 0, 0);
        expect(TdxStatus.SUCCESS, read(TestTd.controlPage(1)));
        assertReturned(PageType.TDCX, TDR, 0, 0, 0, 0);
    }

    @Test
    void ofAPageThatCanBeBlockedItAlsoTellsTheEpoch() {
        td.aug(0, region(6));
        td.block(1);
        td.block(2);
        expect(TdxStatus.SUCCESS, read(region(6) | 1));
        assertReturned(PageType.REG, TDR, 1, 1, 0, 0);
        expect(TdxStatus.SUCCESS, read(page(6, 7)));
        assertReturned(PageType.REG, TDR, 1, 1, 0, 0);
        expect(TdxStatus.SUCCESS, read(septPage(2)));
        assertReturned(PageType.EPT, TDR, 0, 2, 0, 0);
    }

    @Test
    void ofARegionWithAPairItTellsThePairAndNoOwner() {
        expect(TdxStatus.SUCCESS, read(region(5) | 1));
        assertReturned(NON_LEAF | PageType.PAMT, 0, 1, 0, page(9, 0), page(9, 1));
        assertEquals(0, host.lock2m(5));
    }

    @Test
    void ofAPageOfAPairItTellsThatAlone() {
        expect(TdxStatus.SUCCESS, read(page(9, 1)));
        assertReturned(PageType.PAMT, 0, 0, 0, 0, 0);
        assertEquals(0, host.lock2m(9));
        expect(TdxStatus.SUCCESS, read(region(9) | 1));
        assertReturned(PageType.NDA, 0, 1, 0, 0, 0);
    }

    @Test
    void ofAFreePageItTellsWhoOwnedItLast() {
        td.aug(0, region(6));
        td.block(1);
        expect(TdxStatus.SUCCESS, host.calls().memPageRemove(host.regs, 1, TDR));
        expect(TdxStatus.SUCCESS, read(region(6) | 1));
        assertReturned(PageType.NDA, TDR, 1, 0, 0, 0);
    }

    @Test
    void theEpochIsThatOfThePageAndNotOfItsNeighbour() {
        td.aug(0, region(6));
        td.aug(2 << 20, region(7));
        td.block(1 | 2 << 20);
        expect(TdxStatus.SUCCESS, read(region(6) | 1));
        assertReturned(PageType.REG, TDR, 1, 0, 0, 0);
        expect(TdxStatus.SUCCESS, read(region(7) | 1));
        assertReturned(PageType.REG, TDR, 1, 1, 0, 0);
    }
}
