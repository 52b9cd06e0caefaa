package dev.pamt.impl.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.api.Tdmr;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SysField;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class HostBringUpTest {
    private static final long OPTIONS_REFUSED = TdxStatus.OPERAND_INVALID.with(TdxOperand.R8);

    private final MemoryMap map = Servers.map(Servers.TDX_256GB_MANY_HOLES);
    private final ScriptedMachine machine = new ScriptedMachine(map.cmrs());

    @Test
    void theStepsComeInTheOrderThatTheModuleDemands() {
        HostBringUp.bringUp(machine, map, true);
        List<String> steps = machine.calls.stream()
                .filter(call -> !call.contains("SYS_RD") && !call.contains("TDMR_INIT"))
                .toList();
        assertEquals(
                List.of(
                        "0 SYS_INIT",
                        "0 SYS_LP_INIT",
                        "1 SYS_LP_INIT",
                        "2 SYS_LP_INIT",
                        "3 SYS_LP_INIT",
                        "0 SYS_CONFIG",
                        "0 SYS_KEY_CONFIG",
                        "2 SYS_KEY_CONFIG"),
                steps);
        assertEquals(256, machine.count("0 SYS_TDMR_INIT"));
        assertEquals("0 SYS_TDMR_INIT", machine.calls.get(machine.calls.size() - 1));
    }

    @Test
    void sysConfigGetsTheTdmrsThatTheHostHas() {
        TdxHost host = HostBringUp.bringUp(machine, map, true);
        assertTrue(host.dynamicPamt());
        assertEquals(16, host.pamt4KEntryBytes());
        assertEquals(5, host.tdmrs().size());
        assertEquals(10_260 * 1024, host.pamtBytes());
        assertEquals(5, machine.sysConfig.rdx);
        assertEquals(ScriptedMachine.FIRST_HKID | 1 << 16, machine.sysConfig.r8);
        assertEquals(0, machine.sysConfig.rcx % 512);
        Map<Long, Long> memory = machine.memoryAtSysConfig;
        for (int i = 0; i < 5; i++) {
            Tdmr tdmr = host.tdmrs().get(i);
            long info = memory.get(machine.sysConfig.rcx + 8L * i);
            assertEquals(0, info % 512);
            assertEquals(tdmr.range(), range(memory, info, 0));
            assertEquals(tdmr.pamt1G(), range(memory, info, 1));
            assertEquals(tdmr.pamt2M(), range(memory, info, 2));
            assertEquals(tdmr.pamt4K(), range(memory, info, 3));
            for (int area = 0; area < tdmr.reserved().size(); area++) {
                PhysicalRange fromBase = range(memory, info, 4 + area);
                assertEquals(
                        tdmr.reserved().get(area),
                        new PhysicalRange(tdmr.range().baseHpa() + fromBase.baseHpa(), fromBase.bytes()));
            }
            assertFalse(memory.containsKey(info + 16L * (4 + tdmr.reserved().size())), "the other areas are 0");
        }
        assertEquals(Map.of(), machine.memory, "the pages are clean again");
    }

    @Test
    void moreThanEightTdmrsTakeASecondPage() {
        MemoryMap nine = Servers.map(Servers.SERVER_768GB);
        ScriptedMachine big = new ScriptedMachine(nine.cmrs());
        TdxHost host = HostBringUp.bringUp(big, nine, true);
        assertEquals(9, host.tdmrs().size());
        Map<Long, Long> memory = big.memoryAtSysConfig;
        for (int i = 0; i < 9; i++) {
            long info = memory.get(big.sysConfig.rcx + 8L * i);
            long first = memory.get(big.sysConfig.rcx);
            assertEquals(i < 8 ? first + 512L * i : first + 4096, info, "the TDMR_INFO of TDMR " + i);
            assertEquals(host.tdmrs().get(i).range(), range(memory, info, 0));
            assertEquals(host.tdmrs().get(i).pamt4K(), range(memory, info, 3));
        }
        assertEquals(Map.of(), big.memory, "all three pages are clean again");
    }

    @Test
    void whatLaysInThePagesOfSysConfigBeforeIsCleared() {
        HostBringUp.bringUp(machine, map, true);
        long array = machine.sysConfig.rcx;
        long info = machine.memoryAtSysConfig.get(array);
        ScriptedMachine dirty = new ScriptedMachine(map.cmrs());
        dirty.write64(array + 8 * 63, 0xDEAD);
        dirty.write64(info + 16 * 19, 0xDEAD);
        HostBringUp.bringUp(dirty, map, true);
        assertEquals(machine.memoryAtSysConfig, dirty.memoryAtSysConfig);
    }

    @Test
    void memoryThatEndsAtAPowerOfTwoLeavesAllBitsAbove() {
        PhysicalRange half = PhysicalRange.between(1L << 30, 1L << 38);
        ScriptedMachine even = new ScriptedMachine(List.of(half));
        even.field(SysField.MIN_DYNAMIC_PAMT_NUM_HKID_BITS, 14);
        assertTrue(HostBringUp.bringUp(even, MemoryMap.of(List.of(half)), true).dynamicPamt());
        ScriptedMachine tooMany = new ScriptedMachine(List.of(half));
        tooMany.field(SysField.MIN_DYNAMIC_PAMT_NUM_HKID_BITS, 15);
        assertFalse(
                HostBringUp.bringUp(tooMany, MemoryMap.of(List.of(half)), true).dynamicPamt());
    }

    @Test
    void aFieldThatCannotBeReadIsNamedWithItsNumber() {
        machine.refuseField(SysField.CMR_SIZE, 2, TdxStatus.OPERAND_INVALID.code());
        assertTrue(refusal(machine, true).getMessage().contains("of CMR_SIZE 2 "));
        ScriptedMachine first = new ScriptedMachine(map.cmrs());
        first.refuseField(SysField.CMR_SIZE, 0, TdxStatus.OPERAND_INVALID.code());
        assertTrue(refusal(first, true).getMessage().contains("of CMR_SIZE answered"));
        ScriptedMachine bits = new ScriptedMachine(map.cmrs());
        bits.refuseField(SysField.MIN_DYNAMIC_PAMT_NUM_HKID_BITS, 0, TdxStatus.OPERAND_INVALID.code());
        assertTrue(refusal(bits, true).getMessage().contains("of MIN_DYNAMIC_PAMT_NUM_HKID_BITS answered"));
    }

    @Test
    void aModuleThatRefusesToBeginIsNotGoneOnWith() {
        machine.answer(SeamcallLeaf.SYS_INIT, TdxStatus.OPERAND_INVALID.code());
        assertEquals(SeamcallLeaf.SYS_INIT, refusal(machine, true).leaf());
        assertEquals(List.of("0 SYS_INIT"), machine.calls);
    }

    @Test
    void aProcessorThatCannotBeInitialisedEndsTheBringUp() {
        machine.answer(SeamcallLeaf.SYS_LP_INIT, 0, TdxStatus.OPERAND_INVALID.code());
        SeamcallFailedException refusal = refusal(machine, true);
        assertEquals(SeamcallLeaf.SYS_LP_INIT, refusal.leaf());
        assertTrue(refusal.getMessage().contains("on processor 1 "), refusal::getMessage);
        assertEquals(0, machine.count("2 SYS_LP_INIT"));
    }

    @Test
    void aTdmrMayTakeACallForEachPageOfAGibibyteAndNoMore() {
        MemoryMap small = MemoryMap.of(List.of(PhysicalRange.between(1L << 30, 4L << 30)));
        ScriptedMachine slow = new ScriptedMachine(small.cmrs());
        slow.stallsPerGib = 1 << 18;
        HostBringUp.bringUp(slow, small, true);
        assertEquals(3L * ((1 << 18) + 1), slow.count("0 SYS_TDMR_INIT"));
        ScriptedMachine stuck = new ScriptedMachine(small.cmrs());
        stuck.stallsPerGib = (1 << 18) + 1;
        String refusal = assertThrows(IllegalStateException.class, () -> HostBringUp.bringUp(stuck, small, true))
                .getMessage();
        assertTrue(refusal.startsWith("262145 TDH.SYS.TDMR.INIT of TDMR [0x40000000"), refusal);
        assertTrue(refusal.contains("beyond 0x40000000;"), refusal);
    }

    @Test
    void aHostSaysWhatItHas() {
        assertEquals(
                "TDX host with 5 TDMRs, 10260 KB of PAMT, Dynamic PAMT",
                HostBringUp.bringUp(machine, map, true).toString());
        assertEquals(
                "TDX host with 5 TDMRs, 1050644 KB of PAMT, static PAMT",
                HostBringUp.bringUp(new ScriptedMachine(map.cmrs()), map, false).toString());
    }

    @Test
    void theAllocatorHasAllRamThatPamtDoesNotTake() {
        TdxHost host = HostBringUp.bringUp(machine, map, true);
        HostPageAllocator allocator = (HostPageAllocator) host.allocator();
        assertEquals((map.ramBytes() - host.pamtBytes()) / 4096, allocator.totalPages());
        assertEquals(allocator.totalPages(), host.freePages());
    }

    @Test
    void theCmrsOfTheModuleAreTheTruth() {
        ScriptedMachine smaller = new ScriptedMachine(map.cmrs().subList(0, 3));
        TdxHost host = HostBringUp.bringUp(smaller, map, true);
        assertEquals(3, host.tdmrs().size());
        assertEquals(map, host.memory());
    }

    @Test
    void aModuleWithoutDynamicPamtRunsWithStaticPamt() {
        machine.withoutDynamicPamt();
        TdxHost host = HostBringUp.bringUp(machine, map, true);
        assertFalse(host.dynamicPamt());
        assertEquals(1_050_644L * 1024, host.pamtBytes());
        assertEquals(ScriptedMachine.FIRST_HKID, machine.sysConfig.r8);
    }

    @Test
    void staticPamtCanBeChosenOnAModuleWithDynamicPamt() {
        TdxHost host = HostBringUp.bringUp(machine, map, false);
        assertFalse(host.dynamicPamt());
        assertEquals(ScriptedMachine.FIRST_HKID, machine.sysConfig.r8);
    }

    @Test
    void staticPamtIsUsedWhereMemoryLeavesTooFewBitsForTheKeyId() {
        // Memory ends below 2^39, which leaves 13 of 52 address bits.
        machine.field(SysField.MIN_DYNAMIC_PAMT_NUM_HKID_BITS, 14);
        machine.field(SysField.PAMT_4K_ENTRY_SIZE, 32);
        List<String> log =
                Log.of(() -> assertFalse(HostBringUp.bringUp(machine, map, true).dynamicPamt()));
        assertEquals(1, machine.count("0 SYS_CONFIG"));
        assertEquals(ScriptedMachine.FIRST_HKID, machine.sysConfig.r8);
        assertEquals(
                1,
                log.stream()
                        .filter(line -> line.contains("static PAMT is used"))
                        .count(),
                log::toString);
        assertTrue(log.get(0).contains("needs 14 key id bits") && log.get(0).contains("leaves 13"), log::toString);

        ScriptedMachine enough = new ScriptedMachine(map.cmrs());
        enough.field(SysField.MIN_DYNAMIC_PAMT_NUM_HKID_BITS, 13);
        assertTrue(HostBringUp.bringUp(enough, map, true).dynamicPamt());
    }

    @Test
    void staticPamtIsUsedWhereSysConfigRefusesDynamicPamt() {
        machine.answer(SeamcallLeaf.SYS_CONFIG, OPTIONS_REFUSED);
        List<String> log = Log.of(() -> {
            TdxHost host = HostBringUp.bringUp(machine, map, true);
            assertFalse(host.dynamicPamt());
            assertEquals(1_050_644L * 1024, host.pamtBytes());
            assertEquals((map.ramBytes() - host.pamtBytes()) / 4096, host.freePages());
            long info = machine.memoryAtSysConfig.get(machine.sysConfig.rcx);
            assertEquals(host.tdmrs().get(0).pamt4K(), range(machine.memoryAtSysConfig, info, 3));
        });
        assertEquals(2, machine.count("0 SYS_CONFIG"));
        assertEquals(ScriptedMachine.FIRST_HKID, machine.sysConfig.r8);
        assertEquals(Map.of(), machine.memory, "the pages of both calls are clean again");
        assertEquals(
                1,
                log.stream()
                        .filter(line -> line.contains("static PAMT is used"))
                        .count(),
                log::toString);
        assertTrue(
                log.get(0).contains("TDH.SYS.CONFIG with 5 TDMRs and Dynamic PAMT answered TDX_OPERAND_INVALID"),
                log::toString);
    }

    @Test
    void sysConfigIsCalledOnceMoreForThatAndNotForAnythingElse() {
        machine.answer(SeamcallLeaf.SYS_CONFIG, OPTIONS_REFUSED, OPTIONS_REFUSED);
        assertTrue(refusal(machine, true).getMessage().contains("static PAMT"));
        assertEquals(2, machine.count("0 SYS_CONFIG"));

        ScriptedMachine other = new ScriptedMachine(map.cmrs());
        other.answer(SeamcallLeaf.SYS_CONFIG, TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX));
        refusal(other, true);
        assertEquals(1, other.count("0 SYS_CONFIG"));

        ScriptedMachine chosen = new ScriptedMachine(map.cmrs());
        chosen.answer(SeamcallLeaf.SYS_CONFIG, OPTIONS_REFUSED);
        refusal(chosen, false);
        assertEquals(1, chosen.count("0 SYS_CONFIG"));
    }

    @Test
    void aModuleThatDoesNotSayHowManyKeyIdBitsItNeedsIsAskedThroughSysConfig() {
        machine.withoutField(SysField.MIN_DYNAMIC_PAMT_NUM_HKID_BITS);
        assertTrue(HostBringUp.bringUp(machine, map, true).dynamicPamt());

        ScriptedMachine strange = new ScriptedMachine(map.cmrs());
        for (int i = 0; i < 10; i++) {
            strange.answer(SeamcallLeaf.SYS_RD, TdxStatus.SYS_BUSY.code());
        }
        assertEquals(TdxStatus.SYS_BUSY.code(), refusal(strange, true).status());
    }

    @Test
    void entriesThatDoNotFitAPairOfPagesAreRefusedForDynamicPamtOnly() {
        machine.field(SysField.PAMT_4K_ENTRY_SIZE, 32);
        IllegalStateException refusal =
                assertThrows(IllegalStateException.class, () -> HostBringUp.bringUp(machine, map, true));
        assertEquals(
                "Dynamic PAMT is managed in pairs of 4K pages, the PAMT_4K of a 2M region with entries of 16 bytes; this"
                        + " module's have 32. It can be brought up with static PAMT",
                refusal.getMessage());
        assertEquals(0, machine.count("0 SYS_CONFIG"));

        ScriptedMachine old = new ScriptedMachine(map.cmrs());
        old.withoutDynamicPamt();
        old.field(SysField.PAMT_4K_ENTRY_SIZE, 32);
        assertEquals(32, HostBringUp.bringUp(old, map, true).pamt4KEntryBytes());
        ScriptedMachine chosen = new ScriptedMachine(map.cmrs());
        chosen.field(SysField.PAMT_4K_ENTRY_SIZE, 32);
        assertEquals(32, HostBringUp.bringUp(chosen, map, false).pamt4KEntryBytes());
    }

    @Test
    void aKeyIsTriedAgainForABoundedNumberOfTimes() {
        long noEntropy = TdxStatus.KEY_GENERATION_FAILED.code();
        machine.answer(SeamcallLeaf.SYS_KEY_CONFIG, noEntropy, noEntropy, TdxStatus.SYS_BUSY.code());
        HostBringUp.bringUp(machine, map, true);
        assertEquals(4, machine.count("0 SYS_KEY_CONFIG"));

        ScriptedMachine dry = new ScriptedMachine(map.cmrs());
        for (int i = 0; i < 20; i++) {
            dry.answer(SeamcallLeaf.SYS_KEY_CONFIG, noEntropy);
        }
        SeamcallFailedException refusal =
                assertThrows(SeamcallFailedException.class, () -> HostBringUp.bringUp(dry, map, true));
        assertEquals(
                "TDH.SYS.KEY.CONFIG on package 0 answered TDX_KEY_GENERATION_FAILED (0x8000080000000000)",
                refusal.getMessage());
        assertEquals(10, dry.count("0 SYS_KEY_CONFIG"));
        assertFalse(dry.closed, "the caller still has the machine");
    }

    @Test
    void aRefusalNamesLeafStatusAndWhatItWasAbout() {
        long status = TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
        machine.answer(SeamcallLeaf.SYS_TDMR_INIT, 0, 0, status);
        SeamcallFailedException refusal =
                assertThrows(SeamcallFailedException.class, () -> HostBringUp.bringUp(machine, map, true));
        assertEquals(SeamcallLeaf.SYS_TDMR_INIT, refusal.leaf());
        assertEquals(status, refusal.status());
        assertTrue(refusal.getMessage().contains("of TDMR [0x"), refusal::getMessage);

        ScriptedMachine strange = new ScriptedMachine(map.cmrs());
        strange.answer(SeamcallLeaf.SYS_INIT, 0xDEAD_BEEF_0000_0000L);
        assertEquals(
                0xDEAD_BEEF_0000_0000L,
                assertThrows(SeamcallFailedException.class, () -> HostBringUp.bringUp(strange, map, true))
                        .status());
    }

    @Test
    void aTdmrThatIsInitialisedAlreadyIsDone() {
        machine.answer(SeamcallLeaf.SYS_TDMR_INIT, TdxStatus.TDMR_ALREADY_INITIALIZED.code());
        HostBringUp.bringUp(machine, map, true);
        assertEquals(256 - 2 + 1, machine.count("0 SYS_TDMR_INIT"));
    }

    @Test
    void closingTheHostClosesTheMachine() {
        HostBringUp.bringUp(machine, map, true).close();
        assertTrue(machine.closed);
    }

    @Test
    void limitsAreReadFromTheModule() {
        machine.field(SysField.MAX_TDMRS, 4);
        assertEquals(4, HostBringUp.bringUp(machine, map, true).tdmrs().size());
        machine.field(SysField.MAX_RESERVED_PER_TDMR, 1);
        assertTrue(assertThrows(IllegalArgumentException.class, () -> HostBringUp.bringUp(machine, map, true))
                .getMessage()
                .contains("reserved areas"));
    }

    private SeamcallFailedException refusal(ScriptedMachine refusing, boolean dynamicPamt) {
        return assertThrows(SeamcallFailedException.class, () -> HostBringUp.bringUp(refusing, map, dynamicPamt));
    }

    /** A base and a size at the n-th pair of words. */
    private static PhysicalRange range(Map<Long, Long> memory, long at, int pair) {
        return new PhysicalRange(memory.getOrDefault(at + 16L * pair, 0L), memory.get(at + 16L * pair + 8));
    }
}
