package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What counts as free: for a page, and for a region that is to become a 2M page. */
class FreeMemoryTest {
    private static final int REGION = 7;

    private final TestHost host = TestHost.ready();
    private final TestTd td = new TestTd(host);

    private long writeBack(long hpa) {
        return host.call(SeamcallLeaf.PHYMEM_PAGE_WBINVD, hpa, 0);
    }

    @Test
    void aPageIsFreeWithOrWithoutAPairOfItsRegion() {
        expect(TdxStatus.SUCCESS, writeBack(page(REGION, 1)));
        expect(TdxStatus.SUCCESS, host.add(REGION, page(8, 0), page(8, 1)));
        expect(TdxStatus.SUCCESS, writeBack(page(REGION, 1)));
        assertEquals(0, host.lock2m(REGION));
    }

    @Test
    void aPageInUseOrOfAPairIsNotFree() {
        expect(TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RCX), writeBack(TestTd.TDR));
        expect(TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RCX), writeBack(page(9, 0)));
        assertEquals(0, host.lock2m(5));
        assertEquals(0, host.lock2m(9));
    }

    @Test
    void aPageIsOneOfAnInitialisedTdmr() {
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX), writeBack(page(REGION, 1) + 8));
        expect(TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.RCX), writeBack(0x1000));
    }

    @Test
    void aPageOfALockedRegionIsBusy() {
        host.setLock2m(REGION, 1);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), writeBack(page(REGION, 1)));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 63, 64, 300, 511})
    void aRegionWithAPageOfAPairIsNotFree(int pairPage) {
        expect(TdxStatus.SUCCESS, host.add(3, page(REGION, pairPage), page(8, 0)));
        expect(TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.R8), aug(REGION));
        assertEquals(0, host.lock2m(REGION));
        expect(TdxStatus.SUCCESS, host.remove(3));
        expect(TdxStatus.SUCCESS, aug(REGION));
    }

    @ParameterizedTest
    @ValueSource(ints = {REGION - 1, REGION + 1})
    void pairPagesOfTheNeighboursDoNotMatter(int neighbour) {
        expect(TdxStatus.SUCCESS, host.add(3, page(neighbour, 0), page(neighbour, 511)));
        expect(TdxStatus.SUCCESS, aug(REGION));
    }

    @Test
    void aRegionWithAPairIsNotFree() {
        expect(TdxStatus.SUCCESS, host.add(REGION, page(8, 0), page(8, 1)));
        expect(TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.R8), aug(REGION));
        assertEquals(0, host.lock2m(REGION));
    }

    private long aug(int number) {
        return td.call(SeamcallLeaf.MEM_PAGE_AUG, PageLevel.SIZE_2M.encode(0), TestTd.TDR, region(number));
    }
}
