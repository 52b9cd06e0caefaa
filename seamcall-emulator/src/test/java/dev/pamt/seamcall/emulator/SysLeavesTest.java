package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SysField;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What the module tells of itself, and how it is shut down. */
class SysLeavesTest {
    private static final long LIST = 0x40_0000;
    private static final long INFO = 0x50_0000;
    private static final long CMRS = 0x60_0000;
    private static final long NO_FIELD = -1;

    private final TestHost host = TestHost.ready();
    private final SeamcallRegisters regs = host.regs;
    private final PhysicalMemory memory = host.machine.memory();

    private long call(SeamcallLeaf leaf, long rcx, long rdx, long r8, long r9) {
        regs.clear();
        regs.r8 = r8;
        regs.r9 = r9;
        return host.call(leaf, rcx, rdx);
    }

    private long readAll(long hpa, long firstId) {
        return call(SeamcallLeaf.SYS_RDALL, 0, hpa, firstId, 0);
    }

    private long info(long info, long bytes, long cmrs, long slots) {
        return call(SeamcallLeaf.SYS_INFO, info, bytes, cmrs, slots);
    }

    @Test
    void theFieldsBeginWithTheNumberOfPackages() {
        expect(TdxStatus.METADATA_FIRST_FIELD_ID_IN_CONTEXT, host.calls().sysRd(regs, NO_FIELD));
        assertEquals(0x2_0000_0000L, regs.rdx);
        expect(TdxStatus.SUCCESS, host.calls().sysRd(regs, regs.rdx));
        assertEquals(1, regs.r8);
        assertEquals(0x2_0000_0001L, regs.rdx);
    }

    @Test
    void theFieldsOfDynamicPamtStandBetweenThoseOfTheirNeighbours() {
        expect(TdxStatus.SUCCESS, host.calls().sysRd(regs, SysField.PAMT_1G_ENTRY_SIZE.id()));
        assertEquals(SysField.PAMT_PAGE_BITMAP_ENTRY_BITS.id(), regs.rdx);
        expect(TdxStatus.SUCCESS, host.calls().sysRd(regs, SysField.MIN_DYNAMIC_PAMT_NUM_HKID_BITS.id()));
        assertEquals(SysField.TDR_BASE_SIZE.id(), regs.rdx);
    }

    /** SYS.RDALL has what SYS.RD reads one by one. */
    @Test
    void allFieldsAreOneList() {
        expect(TdxStatus.SUCCESS, readAll(LIST, NO_FIELD));
        assertEquals(NO_FIELD, regs.r8);
        List<String> listed = new ArrayList<>();
        long end = LIST + (memory.read64(LIST) & 0xFFFF);
        for (long hpa = LIST + 8; hpa < end; ) {
            long header = memory.read64(hpa);
            long elements = ((header >>> 38 & 0x1FF) + 1) * ((header >>> 34 & 0xF) + 1);
            hpa += 8;
            for (long i = 0; i < elements; i++, hpa += 8) {
                listed.add(((header & 0xFF_FFFF) + i) + " " + memory.read64(hpa));
            }
        }
        List<String> read = new ArrayList<>();
        host.calls().sysRd(regs, NO_FIELD);
        for (long id = regs.rdx; id != NO_FIELD; id = regs.rdx) {
            expect(TdxStatus.SUCCESS, host.calls().sysRd(regs, id));
            read.add((id & 0xFF_FFFF) + " " + regs.r8);
        }
        assertEquals(read, listed);
    }

    @Test
    void aListGoesToAPageOfSharedMemory() {
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX), readAll(LIST + 2048, NO_FIELD));
        assertEquals(NO_FIELD, regs.r8);
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX), readAll(LIST | 40L << 40, NO_FIELD));
        expect(TdxStatus.SUCCESS, readAll(LIST | 3L << 40, NO_FIELD));
        expect(TdxStatus.METADATA_FIELD_ID_INCORRECT, readAll(LIST, 5));
        assertEquals(NO_FIELD, regs.r8);
    }

    @Test
    void infoDescribesTheModuleAndItsMemory() {
        memory.write64(INFO + 1016, 7);
        expect(TdxStatus.SUCCESS, info(INFO, 1024, CMRS, 32));
        assertEquals(1024, regs.rdx);
        assertEquals(32, regs.r9);
        assertEquals(0x8086L << 32, memory.read64(INFO));
        assertEquals(5L << 48, memory.read64(INFO + 8));
        assertEquals(1 | 1 << 16, memory.read64(INFO + 16));
        assertEquals(64 | 16 << 16 | 16L << 32, memory.read64(INFO + 32));
        assertEquals(0x6000 | 0x6000L << 32, memory.read64(INFO + 48));
        assertEquals(1 | 1 << 16 | 15L << 27 | 1L << 63, memory.read64(INFO + 64));
        assertEquals(0, memory.read64(INFO + 72));
        assertEquals(0x6DBE7, memory.read64(INFO + 80));
        assertEquals(3, memory.read64(INFO + 88));
        assertEquals(0, memory.read64(INFO + 1016));
        assertEquals(0, memory.read64(CMRS));
        assertEquals(16L << 30, memory.read64(CMRS + 8));
        assertEquals(0, memory.read64(CMRS + 16));
    }

    /** The structure is zeroed before the last two operands are checked. */
    @Test
    void infoChecksItsOperandsInTheirOrder() {
        memory.write64(INFO, 7);
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX), info(INFO + 512, 1023, CMRS + 8, 31));
        assertEquals(0, regs.rdx);
        assertEquals(0, regs.r9);
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX), info(INFO, 1023, CMRS + 8, 31));
        assertEquals(7, memory.read64(INFO));
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.R8), info(INFO, -1, CMRS + 256, 31));
        assertEquals(0, memory.read64(INFO));
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.R9), info(INFO, 1024, CMRS, 31));
        expect(TdxStatus.SUCCESS, info(INFO, 1024, CMRS, -1));
    }

    @Test
    void aProcessorTellsNothingBeforeItIsInitialised() {
        TestHost loaded = TestHost.loaded(TestHost.config().build());
        loaded.regs.r8 = 5;
        expect(TdxStatus.SYS_LP_INIT_NOT_DONE, loaded.call(SeamcallLeaf.SYS_RDALL, 0, LIST));
        assertEquals(NO_FIELD, loaded.regs.r8);
        expect(TdxStatus.SYS_LP_INIT_NOT_DONE, loaded.call(SeamcallLeaf.SYS_INFO, INFO, 1024));
        assertEquals(0, loaded.regs.rdx);
        expect(TdxStatus.SUCCESS, loaded.call(SeamcallLeaf.SYS_LP_SHUTDOWN, 0, 0));
        expect(TdxStatus.SYS_NOT_READY, loaded.call(SeamcallLeaf.SYS_SHUTDOWN, 1, 0));
    }

    @Test
    void afterShutdownOneLeafIsLeft() {
        for (long version : new long[] {0, 2, -1, 0x1_0001}) {
            expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX), host.call(SeamcallLeaf.SYS_SHUTDOWN, version, 0));
        }
        expect(TdxStatus.SUCCESS, host.call(SeamcallLeaf.SYS_SHUTDOWN, 1, 0));
        expect(TdxStatus.SYS_SHUTDOWN, host.rdmd(TestHost.page(1, 0)));
        expect(TdxStatus.SYS_SHUTDOWN, host.call(SeamcallLeaf.SYS_SHUTDOWN, 1, 0));
        expect(TdxStatus.SYS_SHUTDOWN, host.calls().sysRd(regs, NO_FIELD));
        expect(TdxStatus.SYS_SHUTDOWN, host.calls().sysInit(regs));
        expect(
                TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX),
                host.machine.processor(0).seamcall(1L << 24, regs));
        expect(TdxStatus.SUCCESS, host.call(SeamcallLeaf.SYS_LP_SHUTDOWN, 0, 0));
        expect(TdxStatus.SYS_SHUTDOWN, host.inspection().guests().orElseThrow().enter(0, regs));
    }

    @Test
    void aGuestThatIsInsideKeepsTheModuleUp() {
        TestTd td = new TestTd(host);
        regs.clear();
        regs.rcx = TestTd.TDVPR;
        host.inspection().guests().orElseThrow().enter(0, regs);
        SeamcallRegisters other = new SeamcallRegisters();
        other.rcx = 1;
        expect(TdxStatus.SYS_BUSY, host.machine.processor(1).seamcall(SeamcallLeaf.SYS_SHUTDOWN.rax(), other));
        host.inspection().guests().orElseThrow().interrupt(0);
        expect(TdxStatus.SUCCESS, td.call(SeamcallLeaf.SYS_SHUTDOWN, 1, 0, 0));
    }

    @Test
    void callsOfLeavesThatAreNotHereAreCounted() {
        assertEquals(Map.of(), host.machine.absentLeafCalls());
        for (long rax : new long[] {14, 96, 96, 63, 1234, 0x1_0035}) {
            expect(
                    TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX),
                    host.machine.processor(0).seamcall(rax, regs));
        }
        assertEquals(
                Map.of("TDH.MEM.WR", 1L, "TDH.MIG.STREAM.CREATE", 2L, "TDH.SYS.UPDATE", 1L),
                host.machine.absentLeafCalls());
    }
}
