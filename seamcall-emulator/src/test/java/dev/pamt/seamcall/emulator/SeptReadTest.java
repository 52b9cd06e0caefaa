package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestTd.NO_PAGE;
import static dev.pamt.seamcall.emulator.TestTd.TDR;
import static dev.pamt.seamcall.emulator.TestTd.septPage;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.harness.ModuleInspection.TdLock;
import org.junit.jupiter.api.Test;

/** MEM.SEPT.RD with bit 0 of RDX: the attributes of L2 VMs, for the host of a debuggable TD. */
class SeptReadTest {
    private static final long GPA = PageLevel.SIZE_2M.code();
    private static final long L2_ATTRIBUTES = 1;
    private static final long DEBUG = 1;
    private static final long UNTOUCHED = 0x55;

    private final TestHost host = TestHost.ready();

    private long read(TestTd td, long gpaAndLevel, long tdrAndFlag) {
        return td.call(SeamcallLeaf.MEM_SEPT_RD, gpaAndLevel, tdrAndFlag, UNTOUCHED);
    }

    @Test
    void aVmThatHasAPageThereHasAllAttributes() {
        TestTd td = new TestTd(host, 3, DEBUG);
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, septPage(1), septPage(1, 1), NO_PAGE, septPage(3, 1)));
        expect(TdxStatus.SUCCESS, read(td, GPA, TDR | L2_ATTRIBUTES));
        assertEquals(0x800FL << 48 | 0x800FL << 16, host.regs.r8);
        expect(TdxStatus.SUCCESS, read(td, 0, TDR | L2_ATTRIBUTES));
        assertEquals(0, host.regs.r8);
    }

    @Test
    void withoutTheFlagR8Stays() {
        TestTd td = new TestTd(host, 1, DEBUG);
        expect(TdxStatus.SUCCESS, td.septAdd(GPA, septPage(1), septPage(1, 1), NO_PAGE, NO_PAGE));
        expect(TdxStatus.SUCCESS, read(td, GPA, TDR));
        assertEquals(UNTOUCHED, host.regs.r8);
    }

    /** The TD and its state come before the flag, and the guest address after it. */
    @Test
    void theHostOfAnotherTdGetsNoAttributes() {
        TestTd td = new TestTd(host, 1);
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX), read(td, -1, TDR | L2_ATTRIBUTES));
        assertEquals(0, host.regs.rcx);
        assertEquals(UNTOUCHED, host.regs.r8);
        host.inspection().setTdLock(TDR, TdLock.OP_STATE, 1);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.OP_STATE), read(td, -1, TDR | L2_ATTRIBUTES));
        host.inspection().setTdLock(TDR, TdLock.OP_STATE, 0);
        host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 1);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RDX), read(td, -1, TDR | L2_ATTRIBUTES));
    }
}
