package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static dev.pamt.seamcall.emulator.TestTd.CONTROL_PAGES;
import static dev.pamt.seamcall.emulator.TestTd.TDR;
import static dev.pamt.seamcall.emulator.TestTd.TDVPR;
import static dev.pamt.seamcall.emulator.TestTd.VCPU_CONTROL_PAGES;
import static dev.pamt.seamcall.emulator.TestTd.controlPage;
import static dev.pamt.seamcall.emulator.TestTd.septPage;
import static dev.pamt.seamcall.emulator.TestTd.vcpuPage;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.pamt.PageType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** PHYMEM.PAGE.RECLAIM: what it returns, in success and failure, and what it leaves. */
class PageReclaimTest {
    private static final long HINT = 1L << 62;

    private final TestHost host = TestHost.ready();
    private final TestTd td = new TestTd(host);

    private long reclaim(long hpa) {
        host.regs.clear();
        host.regs.r8 = 5;
        host.regs.r9 = 5;
        host.regs.r10 = 5;
        host.regs.r11 = 5;
        return host.call(SeamcallLeaf.PHYMEM_PAGE_RECLAIM, hpa, 5);
    }

    private void assertReturned(long type, long owner, long level, long hint) {
        assertEquals(type, host.regs.rcx);
        assertEquals(owner, host.regs.rdx);
        assertEquals(level, host.regs.r8);
        assertEquals(hint, host.regs.r9);
        assertEquals(0, host.regs.r10);
        assertEquals(0, host.regs.r11);
    }

    private void assertUnlocked(long page) {
        assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_4K, page));
        assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_4K, TDR));
        assertEquals(0, host.lock2m(5));
        assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_1G, page));
    }

    private void tearDown() {
        td.succeed(SeamcallLeaf.VP_FLUSH, TDVPR, 0, 0);
        td.succeed(SeamcallLeaf.MNG_VPFLUSHDONE, TDR, 0, 0);
        td.succeed(SeamcallLeaf.PHYMEM_CACHE_WB, 0, 0, 0);
        td.succeed(SeamcallLeaf.MNG_KEY_FREEID, TDR, 0, 0);
    }

    @ParameterizedTest
    @ValueSource(longs = {8, 2048, 1L << 40, 1L << 52})
    void anAddressThatCannotBeAPageIsRefused(long wrong) {
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX), reclaim(TDR | wrong));
        assertReturned(0, 0, 0, 0);
    }

    @Test
    void aPageOutsideTheTdmrsIsRefused() {
        expect(TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.RCX), reclaim(0x1000));
        assertReturned(0, 0, 0, 0);
    }

    @Test
    void aFreePageIsNobodys() {
        expect(TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RCX), reclaim(page(5, 300)));
        assertReturned(0, 0, 0, 0);
        expect(TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RCX), reclaim(page(7, 300)));
        assertUnlocked(page(5, 300));
    }

    @Test
    void aPageOfATdThatHasItsKeyIsDescribedAndStays() {
        long children = td.childPages();
        expect(TdxStatus.LIFECYCLE_STATE_INCORRECT, reclaim(septPage(2)));
        assertReturned(PageType.EPT, TDR, 0, 0);
        expect(TdxStatus.LIFECYCLE_STATE_INCORRECT, reclaim(TDR));
        assertReturned(PageType.TDR, 0, 0, 0);
        assertEquals(children, td.childPages());
        assertUnlocked(septPage(2));
    }

    @Test
    void aPageOrItsTdThatIsLockedIsBusy() {
        tearDown();
        host.inspection().setLockWord(PageLevel.SIZE_4K, septPage(2), 4);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), reclaim(septPage(2)));
        assertReturned(0, 0, 0, 0);
        host.inspection().setLockWord(PageLevel.SIZE_4K, septPage(2), 0);
        host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 1);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.TDR), reclaim(septPage(2)));
        assertReturned(PageType.EPT, TDR, 0, 0);
        host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 4);
        expect(TdxStatus.SUCCESS, reclaim(septPage(2)));
        assertEquals(4, host.inspection().lockWord(PageLevel.SIZE_4K, TDR));
    }

    @Test
    void theRootGoesLastAndEachPageIsCounted() {
        tearDown();
        long children = td.childPages();
        expect(TdxStatus.SUCCESS, reclaim(septPage(2)));
        assertReturned(PageType.EPT, TDR, 0, 0);
        assertEquals(children - 1, td.childPages());
        assertEquals(PageType.NDA, host.typeOf(septPage(2)));
        assertUnlocked(septPage(2));
        expect(TdxStatus.TD_ASSOCIATED_PAGES_EXIST, reclaim(TDR));
        assertReturned(PageType.TDR, 0, 0, 0);
        expect(TdxStatus.SUCCESS, reclaim(septPage(3)));
        expect(TdxStatus.SUCCESS, reclaim(TDVPR));
        assertReturned(PageType.TDVPR, TDR, 0, 0);
        for (int i = 1; i <= VCPU_CONTROL_PAGES; i++) {
            expect(TdxStatus.SUCCESS, reclaim(vcpuPage(i)));
            assertReturned(PageType.TDCX, TDR, 0, 0);
        }
        for (int i = 1; i <= CONTROL_PAGES; i++) {
            expect(TdxStatus.SUCCESS, reclaim(controlPage(i)));
            assertReturned(PageType.TDCX, TDR, 0, 0);
        }
        assertEquals(0, td.childPages());
        assertEquals(1, host.pagesInUse(5));
        expect(TdxStatus.SUCCESS, reclaim(TDR));
        assertReturned(PageType.TDR, 0, 0, HINT);
        assertEquals(0, host.pagesInUse(5));
        expect(TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RCX), reclaim(TDR));
    }

    @Test
    void aVcpuOrATdWhosePageWasReclaimedIsForgotten() {
        tearDown();
        expect(TdxStatus.SUCCESS, reclaim(TDVPR));
        assertNull(host.machine.module().vcpus().at(TDVPR));
        for (int i = 1; i <= VCPU_CONTROL_PAGES; i++) {
            reclaim(vcpuPage(i));
        }
        for (int i = 1; i <= CONTROL_PAGES; i++) {
            reclaim(controlPage(i));
        }
        reclaim(septPage(2));
        reclaim(septPage(3));
        assertEquals(TDR, host.machine.module().tds().at(TDR).tdrHpa());
        expect(TdxStatus.SUCCESS, reclaim(TDR));
        assertNull(host.machine.module().tds().at(TDR));
    }

    @Test
    void a2MPageIsReclaimedAtItsFirstAddressAlone() {
        td.aug(0, region(6));
        tearDown();
        long children = td.childPages();
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX), reclaim(page(6, 1)));
        assertReturned(PageType.REG, TDR, 1, 0);
        assertEquals(children, td.childPages());
        expect(TdxStatus.SUCCESS, reclaim(region(6)));
        assertReturned(PageType.REG, TDR, 1, 0);
        assertEquals(children - 512, td.childPages());
        assertEquals(PageType.NDA, host.typeOf(region(6) | 1));
        assertEquals(0, host.lock2m(6));
    }
}
