package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestTd.TDR;
import static dev.pamt.seamcall.emulator.TestTd.TDVPR;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.harness.ModuleInspection.TdLock;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** MNG.RD, VP.RD and VP.WR: what a host reads of a TD and a vCPU, and sets in a vCPU. */
class TdMetadataTest {
    private static final long ATTRIBUTES = 0x1110_0003_0000_0000L;
    private static final long VECTOR = 0x0000_0001_0000_0002L;
    private static final long DESCRIPTOR = 0x0000_0003_0000_2016L;
    private static final long PIN_CONTROLS = 0x0000_0002_0000_4000L;
    private static final long STATE_DETAILS = 0x9100_0003_0000_0100L;
    private static final long PENDING_NMI = 0x2000_0000_0000_000BL;
    private static final long POST = 1 << 7;
    private static final long NO_FIELD = -1;

    private final TestHost host = TestHost.ready();
    private final TestTd td = new TestTd(host, 1, 1 << 28);
    private final SeamcallRegisters regs = host.regs;

    private long read(SeamcallLeaf leaf, int version, long root, long id) {
        return read(0, leaf, version, root, id);
    }

    private long read(int processor, SeamcallLeaf leaf, int version, long root, long id) {
        regs.clear();
        regs.rcx = root;
        regs.rdx = id;
        regs.r8 = 7;
        return host.machine.processor(processor).seamcall(leaf.rax() | (long) version << 16, regs);
    }

    private long write(long id, long value, long mask) {
        return write(0, id, value, mask);
    }

    private long write(int processor, long id, long value, long mask) {
        regs.clear();
        regs.rcx = TDVPR;
        regs.rdx = id;
        regs.r8 = value;
        regs.r9 = mask;
        return host.machine.processor(processor).seamcall(SeamcallLeaf.VP_WR.rax(), regs);
    }

    private void assertField(long value, long id) {
        expect(TdxStatus.SUCCESS, read(SeamcallLeaf.VP_RD, 0, TDVPR, id));
        assertEquals(value, regs.r8);
    }

    /** FATAL, NUM_TDCX, LIFECYCLE_STATE, two TDCX_PA, HKID, packages, vCPUs and associated ones, OP_STATE, and TD_PARAMS. */
    @ParameterizedTest
    @CsvSource({
        "0x8010000000000001, 0",
        "0x8010000200000002, 7",
        "0x8010000200000005, 1",
        "0x8110000100000001, 40",
        "0x8110000300000002, 1",
        "0x9010000200000001, 1",
        "0x9010000200000002, 1",
        "0x9010000200000004, 2",
        "0x9010000100000005, 1",
        "0x1110000300000000, 0x10000000",
        "0x1110000300000001, 3",
        "0x1110000200000002, 4",
        "0x1110000000000003, 0",
        "0x111000010000000C, 40"
    })
    void theFieldsOfATdAreRead(String id, String value) {
        expect(TdxStatus.SUCCESS, read(SeamcallLeaf.MNG_RD, 0, TDR, Long.parseUnsignedLong(id.substring(2), 16)));
        assertEquals(Long.decode(value), regs.r8);
        assertEquals(Long.parseUnsignedLong(id.substring(2), 16), regs.rdx);
    }

    @Test
    void theFieldsOfATdKnowItsPages() {
        expect(TdxStatus.SUCCESS, read(SeamcallLeaf.MNG_RD, 0, TDR, 0x8010_0003_0000_0004L));
        assertEquals(td.childPages(), regs.r8);
        expect(TdxStatus.SUCCESS, read(SeamcallLeaf.MNG_RD, 0, TDR, 0x8010_0003_0000_0011L));
        assertEquals(TestTd.controlPage(2), regs.r8);
    }

    @Test
    void versionOneNamesTheNextField() {
        expect(TdxStatus.METADATA_FIRST_FIELD_ID_IN_CONTEXT, read(SeamcallLeaf.MNG_RD, 1, TDR, NO_FIELD));
        assertEquals(0x8010_0000_0000_0001L, regs.rdx);
        assertEquals(0, regs.r8);
        int fields = 0;
        for (long id = regs.rdx; id != NO_FIELD; id = regs.rdx) {
            expect(TdxStatus.SUCCESS, read(SeamcallLeaf.MNG_RD, 1, TDR, id));
            fields++;
        }
        assertEquals(15 + 9, fields);
        expect(TdxStatus.METADATA_FIELD_ID_INCORRECT, read(SeamcallLeaf.MNG_RD, 0, TDR, NO_FIELD));
        assertEquals(NO_FIELD, regs.rdx);
        expect(TdxStatus.METADATA_FIELD_ID_INCORRECT, read(SeamcallLeaf.MNG_RD, 1, TDR, 6));
        assertEquals(NO_FIELD, regs.rdx);
        assertEquals(0, regs.r8);
        expect(TdxStatus.METADATA_FIRST_FIELD_ID_IN_CONTEXT, read(SeamcallLeaf.VP_RD, 1, TDVPR, NO_FIELD));
        assertEquals(0x20_0001_0000_0002L, regs.rdx);
    }

    @ParameterizedTest
    @ValueSource(strings = {"MNG_RD", "VP_RD"})
    void readingHasTwoVersions(SeamcallLeaf leaf) {
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX), read(leaf, 2, TDR, ATTRIBUTES));
        assertEquals(NO_FIELD, regs.rdx);
        assertEquals(0, regs.r8);
    }

    @Test
    void aTdIsReadOnceItIsInitialised() {
        TestHost other = TestHost.ready();
        other.add(5, page(9, 0), page(9, 1));
        expect(TdxStatus.SUCCESS, other.calls().mngCreate(other.regs, TDR, 40));
        expect(TdxStatus.TD_KEYS_NOT_CONFIGURED, other.call(SeamcallLeaf.MNG_RD, TDR, ATTRIBUTES));
        other.call(SeamcallLeaf.MNG_KEY_CONFIG, TDR, 0);
        for (int i = 1; i <= 6; i++) {
            other.call(SeamcallLeaf.MNG_ADDCX, TestTd.controlPage(i), TDR);
        }
        expect(TdxStatus.OP_STATE_INCORRECT.with(0), other.call(SeamcallLeaf.MNG_RD, TDR, ATTRIBUTES));
        expect(
                TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RCX),
                other.call(SeamcallLeaf.MNG_RD, page(5, 100), ATTRIBUTES));
    }

    @Test
    void readingSharesTheTdAndItsState() {
        host.inspection().setTdLock(TDR, TdLock.OP_STATE, 1);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.OP_STATE), read(SeamcallLeaf.MNG_RD, 0, TDR, ATTRIBUTES));
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.OP_STATE), read(SeamcallLeaf.VP_RD, 0, TDVPR, VECTOR));
        host.inspection().setTdLock(TDR, TdLock.OP_STATE, 4);
        host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 4);
        host.inspection().setLockWord(PageLevel.SIZE_4K, TDVPR, 4);
        expect(TdxStatus.SUCCESS, read(SeamcallLeaf.MNG_RD, 0, TDR, ATTRIBUTES));
        expect(TdxStatus.SUCCESS, read(SeamcallLeaf.VP_RD, 0, TDVPR, VECTOR));
        expect(TdxStatus.SUCCESS, write(VECTOR, 5, -1));
        assertEquals(4, host.inspection().tdLock(TDR, TdLock.OP_STATE));
        assertEquals(4, host.inspection().lockWord(PageLevel.SIZE_4K, TDR));
        assertEquals(4, host.inspection().lockWord(PageLevel.SIZE_4K, TDVPR));
        host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 1);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.TDR), write(VECTOR, 5, -1));
        assertEquals(0, regs.r8);
        host.inspection().setLockWord(PageLevel.SIZE_4K, TDVPR, 1);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), write(VECTOR, 5, -1));
    }

    /** As KVM does when a vCPU is made: the vector, the descriptor, then the control. */
    @Test
    void postedInterruptsNeedAVectorAndADescriptor() {
        assertField(0xFFFF, VECTOR);
        assertField(-1, DESCRIPTOR);
        expect(TdxStatus.TD_VMCS_FIELD_NOT_INITIALIZED.with(0x0002), write(PIN_CONTROLS, POST, POST));
        expect(TdxStatus.SUCCESS, write(VECTOR, 0xF2, 0xFFFF));
        assertEquals(0xFFFF, regs.r8);
        expect(TdxStatus.TD_VMCS_FIELD_NOT_INITIALIZED.with(0x2016), write(PIN_CONTROLS, POST, POST));
        expect(TdxStatus.SUCCESS, write(DESCRIPTOR, 0x1234_0040, -1));
        assertEquals(-1, regs.r8);
        assertField(0, PIN_CONTROLS);
        expect(TdxStatus.SUCCESS, write(PIN_CONTROLS, POST, POST));
        assertField(0xF2, VECTOR);
        assertField(0x1234_0040, DESCRIPTOR);
        assertField(POST, PIN_CONTROLS);
        assertField(0, STATE_DETAILS);
    }

    @Test
    void aFieldTakesNoValueThatTheProcessorCouldNotUse() {
        TdxStatus refused = TdxStatus.METADATA_FIELD_VALUE_NOT_VALID;
        expect(refused, write(VECTOR, 0x100, -1));
        expect(refused, write(DESCRIPTOR, 0x1234_0020, -1));
        expect(refused, write(DESCRIPTOR, 40L << 40, -1));
        expect(refused, write(DESCRIPTOR, -1, -1));
        expect(refused, write(PIN_CONTROLS, POST | 1, -1));
        assertField(0xFFFF, VECTOR);
        assertField(-1, DESCRIPTOR);
        expect(TdxStatus.METADATA_FIELD_NOT_WRITABLE, write(STATE_DETAILS, 1, -1));
        expect(TdxStatus.METADATA_FIELD_ID_INCORRECT, write(ATTRIBUTES, 1, -1));
    }

    @Test
    void anNmiThatWaitsIsReadBack() {
        expect(TdxStatus.SUCCESS, write(PENDING_NMI, 1, 0xFF));
        assertEquals(0, regs.r8);
        assertField(1, PENDING_NMI);
        expect(TdxStatus.SUCCESS, write(PENDING_NMI, 0, 0xFF));
        assertEquals(1, regs.r8);
    }

    @Test
    void aVcpuIsReadWhereItIsAssociated() {
        expect(TdxStatus.VCPU_ASSOCIATED, read(1, SeamcallLeaf.VP_RD, 0, TDVPR, VECTOR));
        assertEquals(0, regs.r8);
        expect(TdxStatus.VCPU_ASSOCIATED, write(1, VECTOR, 1, -1));
        td.succeed(SeamcallLeaf.VP_FLUSH, TDVPR, 0, 0);
        expect(TdxStatus.METADATA_FIELD_ID_INCORRECT, read(1, SeamcallLeaf.VP_RD, 0, TDVPR, 5));
        expect(TdxStatus.VCPU_ASSOCIATED, td.enter());
        expect(TdxStatus.FLUSHVP_NOT_DONE, td.call(SeamcallLeaf.MNG_VPFLUSHDONE, TDR, 0, 0));
        expect(TdxStatus.SUCCESS, host.calls(1).vpFlush(regs, TDVPR));
        expect(TdxStatus.SUCCESS, td.call(SeamcallLeaf.MNG_VPFLUSHDONE, TDR, 0, 0));
    }

    @Test
    void aVcpuIsReadOnceItIsInitialised() {
        TestHost other = TestHost.ready();
        TestTd.unfinished(other);
        long root = page(5, 64);
        other.call(SeamcallLeaf.VP_CREATE, root, TDR);
        expect(TdxStatus.TDCX_NUM_INCORRECT, other.call(SeamcallLeaf.VP_RD, root, VECTOR));
        for (int i = 1; i < 6; i++) {
            other.call(SeamcallLeaf.VP_ADDCX, page(5, 64 + i), root);
        }
        expect(TdxStatus.VCPU_STATE_INCORRECT.with(0), other.call(SeamcallLeaf.VP_RD, root, VECTOR));
        expect(
                TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RCX),
                other.call(SeamcallLeaf.VP_WR, page(5, 70), VECTOR));
    }

    @Test
    void aVcpuThatIsInsideIsNotReadFromOutside() {
        regs.clear();
        regs.rcx = TDVPR;
        host.inspection().guests().orElseThrow().enter(0, regs);
        SeamcallRegisters other = new SeamcallRegisters();
        other.rcx = TDVPR;
        expect(
                TdxStatus.VCPU_STATE_INCORRECT.with(4),
                host.machine.processor(1).seamcall(SeamcallLeaf.VP_RD.rax(), other));
    }
}
