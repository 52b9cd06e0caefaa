package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.platform.Schedule;
import org.junit.jupiter.api.Test;

/** A module in static mode: every 4K page has its entry from the start, and there are no pairs. */
class StaticPamtTest {
    private final TestHost host = TestHost.ready(TestHost.config().build(), false, Schedule.free());

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
}
