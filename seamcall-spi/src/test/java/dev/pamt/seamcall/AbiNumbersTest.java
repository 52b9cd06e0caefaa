package dev.pamt.seamcall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.util.Arrays;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Page levels, operands and metadata fields have the numbers of the ABI. */
class AbiNumbersTest {
    @Test
    void aPageOfEachLevelIs512TimesTheOneBelow() {
        assertEquals(
                "SIZE_4K 0 12 4096, SIZE_2M 1 21 2097152, SIZE_1G 2 30 1073741824",
                Arrays.stream(PageLevel.values())
                        .map(level -> level + " " + level.code() + " " + level.shift() + " " + level.bytes())
                        .collect(Collectors.joining(", ")));
    }

    @Test
    void aLevelIsFoundByItsCodeAndACodeWithoutLevelFindsNone() {
        for (PageLevel level : PageLevel.values()) {
            assertSame(level, PageLevel.ofCode(level.code()));
        }
        for (int code : new int[] {-1, 3, 7}) {
            assertNull(PageLevel.ofCode(code), "level " + code);
        }
    }

    @Test
    void theLevelOfAnAddressIsInItsLowBits() {
        assertEquals(0x4000_0000L, PageLevel.SIZE_4K.encode(0x4000_0000L));
        assertEquals(0x4000_0001L, PageLevel.SIZE_2M.encode(0x4000_0000L));
        assertEquals(0x4000_0002L, PageLevel.SIZE_1G.encode(0x4000_0000L));
    }

    @Test
    void anAccessHasItsBitOfTheExitQualification() {
        assertEquals(
                "READ 1, WRITE 2, EXECUTE 4",
                Arrays.stream(AccessKind.values())
                        .map(kind -> kind + " " + kind.qualification())
                        .collect(Collectors.joining(", ")));
    }

    @Test
    void theLeavesOfAGuestHaveTheNumbersOfTheAbi() {
        assertEquals(
                "TDG.VP.VMCALL 0 0, TDG.VP.VEINFO.GET 3 3, TDG.MEM.PAGE.ACCEPT 6 6, TDG.MEM.PAGE.ATTR.WR 24 24",
                Arrays.stream(TdcallLeaf.values())
                        .map(leaf -> leaf + " " + leaf.number() + " " + leaf.rax())
                        .collect(Collectors.joining(", ")));
        for (TdcallLeaf leaf : TdcallLeaf.values()) {
            assertSame(leaf, TdcallLeaf.of(leaf.rax()));
            assertSame(leaf, TdcallLeaf.of(1L << 16 | leaf.rax()));
        }
        for (long rax : new long[] {-1, 1, 7, 0x1_0001, 0x8006}) {
            assertNull(TdcallLeaf.of(rax), "leaf word " + rax);
        }
    }

    @Test
    void anOperandIsFoundByItsIdAndAnIdWithoutOperandFindsNone() {
        for (TdxOperand operand : TdxOperand.values()) {
            assertSame(operand, TdxOperand.ofId(operand.id()));
        }
        for (int id : new int[] {-1, 4, 127, 189, Integer.MAX_VALUE}) {
            assertNull(TdxOperand.ofId(id), "operand " + id);
        }
        assertSame(TdxOperand.RAX, TdxOperand.ofId(0));
        assertSame(TdxOperand.WBCACHE, TdxOperand.ofId(188));
    }

    @Test
    void operandsHaveTheIdsOfTheAbi() {
        assertEquals(
                "RAX 0, RCX 1, RDX 2, RBX 3, RBP 5, RSI 6, RDI 7, R8 8, R9 9, R10 10, R11 11, R12 12, R13 13, R14 14, R15 15,"
                        + " ATTRIBUTES 64, XFAM 65, EXEC_CONTROLS 66, EPTP_CONTROLS 67, MAX_VCPUS 68, CPUID_CONFIG 69,"
                        + " TSC_FREQUENCY 70, NUM_L2_VMS 71, IA32_ARCH_CAPABILITIES_CONFIG 72, PAGE 95, TDMR_INFO_PA 96,"
                        + " GPA_LIST_ENTRY 97, MIG_BUFF_LIST_ENTRY 98, NEW_PAGE_LIST_ENTRY 99, TDR 128, TDCX 129, TDVPR 130,"
                        + " REG_PAGE 132, TDCS 144, TDVPS 145, SEPT_TREE 146, SEPT_ENTRY 147, RTMR 168, TD_EPOCH 169,"
                        + " MIGSC 171, OP_STATE 172, MIG 173, SERVTD_BINDINGS 174, METADATA_FIELD 176, NUM_VCPUS 177,"
                        + " SYS 184, TDMR 185, KOT 186, KET 187, WBCACHE 188",
                Arrays.stream(TdxOperand.values())
                        .map(operand -> operand + " " + operand.id())
                        .collect(Collectors.joining(", ")));
    }

    @Test
    void metadataFieldsHaveTheIdsOfTheAbi() {
        assertEquals(
                """
                NUM_TDX_FEATURES 0xa00000000000001
                TDX_FEATURES0 0xa00000300000008
                NUM_CMRS 0x9000000100000000
                CMR_BASE 0x9000000300000080
                CMR_SIZE 0x9000000300000100
                MAX_TDMRS 0x9100000100000008
                MAX_RESERVED_PER_TDMR 0x9100000100000009
                PAMT_4K_ENTRY_SIZE 0x9100000100000010
                PAMT_2M_ENTRY_SIZE 0x9100000100000011
                PAMT_1G_ENTRY_SIZE 0x9100000100000012
                PAMT_PAGE_BITMAP_ENTRY_BITS 0x9100000000000013
                MIN_DYNAMIC_PAMT_NUM_HKID_BITS 0x9100000000000014
                TDR_BASE_SIZE 0x9800000100000000
                TDCS_BASE_SIZE 0x9800000100000100
                TDCS_SIZE_PER_L2_VM 0x9800000100000101
                TDVPS_BASE_SIZE 0x9800000100000200
                TDVPS_SIZE_PER_L2_VM 0x9800000100000201
                MAX_VCPUS_PER_TD 0x9900000100000008
                """,
                Arrays.stream(SysField.values())
                        .map(field -> String.format("%s 0x%x\n", field, field.id()))
                        .collect(Collectors.joining()));
        assertEquals(36, SysField.FEATURE_DYNAMIC_PAMT);
    }

    @Test
    void theFieldsOfAnArrayFollowEachOther() {
        assertEquals(0x9000_0003_0000_0080L, SysField.CMR_BASE.id(0));
        assertEquals(0x9000_0003_0000_0083L, SysField.CMR_BASE.id(3));
    }
}
