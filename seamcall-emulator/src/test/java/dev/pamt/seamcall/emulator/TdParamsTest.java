package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.td.TdParams;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** MNG.INIT looks at every field of TD_PARAMS, and names the one that is wrong. */
class TdParamsTest {
    private static final long PARAMS = 0x3000;
    private static final long TDR = page(5, 0);
    private static final int HKID = 40;

    private final TestHost host = TestHost.ready();

    @BeforeEach
    void aTdWithItsControlPages() {
        expect(TdxStatus.SUCCESS, host.add(5, page(9, 0), page(9, 1)));
        expect(TdxStatus.SUCCESS, host.calls().mngCreate(host.regs, TDR, HKID));
        expect(TdxStatus.SUCCESS, host.call(SeamcallLeaf.MNG_KEY_CONFIG, TDR, 0));
        for (int i = 1; i <= TestTd.CONTROL_PAGES; i++) {
            expect(TdxStatus.SUCCESS, host.call(SeamcallLeaf.MNG_ADDCX, page(5, i), TDR));
        }
        write(8, 3);
        write(16, 4);
        write(24, 6 | 3 << 3);
        write(40, 40);
    }

    private void write(int offset, long word) {
        host.machine.memory().write64(PARAMS + offset, word);
    }

    private long init(long paramsHpa) {
        return host.call(SeamcallLeaf.MNG_INIT, TDR, paramsHpa);
    }

    @ParameterizedTest
    @CsvSource({
        "0, 2, ATTRIBUTES",
        "0, 0x4000000000000000, ATTRIBUTES",
        "8, 1, XFAM",
        "8, 0xB0000000003, XFAM",
        "16, 0, MAX_VCPUS",
        "16, 577, MAX_VCPUS",
        "16, 0x40001, NUM_L2_VMS",
        "16, 0x100000001, RDX",
        "16, 0x2000004, RDX",
        "16, 0x80000004, RDX",
        "24, 0x18, EPTP_CONTROLS",
        "24, 0x16, EPTP_CONTROLS",
        "24, 0x2E, EPTP_CONTROLS",
        "32, 0x20, EXEC_CONTROLS",
        "32, 1, EPTP_CONTROLS",
        "40, 3, TSC_FREQUENCY",
        "40, 401, TSC_FREQUENCY",
        "40, 0x10028, RDX",
        "48, 1, RDX",
        "72, 1, RDX",
        "232, 1, RDX",
        "248, 1, RDX"
    })
    void aWrongFieldIsNamed(int offset, String word, TdxOperand operand) {
        write(offset, Long.decode(word));
        expect(TdxStatus.OPERAND_INVALID.with(operand), init(PARAMS));
    }

    @ParameterizedTest
    @CsvSource({"0, 1", "0, 0x10000", "16, 576", "16, 0x1000004", "24, 0x26", "40, 4", "40, 400", "80, 1", "256, 1"})
    void theLimitsAreAllowed(int offset, String word) {
        write(offset, Long.decode(word));
        expect(TdxStatus.SUCCESS, init(PARAMS));
    }

    /** The flags of MSR_CONFIG_CTLS stand beside the number of vCPUs and are checked after the clock. */
    @Test
    void theReservedFlagsOfMsrConfigurationAreCheckedLate() {
        write(16, 0x2000004);
        write(40, 3);
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.TSC_FREQUENCY), init(PARAMS));
    }

    @Test
    void anL2VmNeedsAControlPageMore() {
        write(16, 0x10004);
        expect(TdxStatus.TDCS_NOT_ALLOCATED, init(PARAMS));
        expect(TdxStatus.SUCCESS, host.call(SeamcallLeaf.MNG_ADDCX, page(5, 7), TDR));
        expect(TdxStatus.SUCCESS, init(PARAMS));
    }

    @Test
    void everyFieldThatMattersIsKept() {
        expect(TdxStatus.SUCCESS, host.call(SeamcallLeaf.MNG_ADDCX, page(5, 7), TDR));
        write(0, 1 << 28);
        write(16, 0x10203);
        write(24, 6 | 4 << 3);
        write(32, 1);
        expect(TdxStatus.SUCCESS, init(PARAMS));
        TdParams params = host.machine.module().tds().at(TDR).params();
        assertEquals(new TdParams(1 << 28, 0x203, 1, 4, true, 3, 40), params);
    }

    /** Of AVX-512 and AMX all parts or none, the one only with AVX; of CET both. */
    @ParameterizedTest
    @CsvSource({
        "0x7, true",
        "0xE7, true",
        "0xE3, false",
        "0x27, false",
        "0x1803, true",
        "0x803, false",
        "0x60003, true",
        "0x20003, false",
        "0x2, false",
        "0x3, true"
    })
    void featuresThatGoTogetherAreAllThereOrNone(String xfam, boolean possible) {
        write(8, Long.decode(xfam));
        expect(possible ? 0 : TdxStatus.OPERAND_INVALID.with(TdxOperand.XFAM), init(PARAMS));
    }

    @Test
    void guestAddressesOf52BitsNeedFiveLevels() {
        write(32, 1);
        write(24, 6 | 4 << 3);
        expect(TdxStatus.SUCCESS, init(PARAMS));
    }

    @Test
    void thePageIsSharedMemoryAndAligned() {
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX), init(PARAMS + 512));
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX), init(PARAMS | 40L << 40));
        expect(TdxStatus.SUCCESS, init(PARAMS | 3L << 40));
    }
}
