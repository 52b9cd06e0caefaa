package dev.pamt.seamcall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

class SeamcallsTest {
    private long rax;
    private final SeamcallRegisters seen = new SeamcallRegisters();
    private final Seamcalls seamcalls = new Seamcalls((word, regs) -> {
        rax = word;
        seen.set(regs);
        return TdxStatus.SUCCESS.code();
    });

    @Test
    void pamtAddPutsTheRegionWithItsLevelIntoRcxAndThePairIntoRdxAndR8() {
        seamcalls.pamtAdd(new SeamcallRegisters(), 0x1_0200_0000L, 0x1_0220_0000L, 0x1_0220_1000L);

        assertEquals(58, rax);
        assertEquals("rcx=0x102000001 rdx=0x102200000 r8=0x102201000", seen.toString());
    }

    @Test
    void demotePutsThePairIntoR12AndR13() {
        seamcalls.memPageDemote(new SeamcallRegisters(), 0x200001, 0x5000, 0x6000, 0x7000, 0x8000);

        assertEquals(15, rax);
        assertEquals("rcx=0x200001 rdx=0x5000 r8=0x6000 r12=0x7000 r13=0x8000", seen.toString());
    }

    @Test
    void registersThatALeafDoesNotReadArePassedAsTheyAre() {
        SeamcallRegisters regs = new SeamcallRegisters();
        regs.r15 = 0xca0d;

        seamcalls.pamtRemove(regs, 0x1_0200_0000L);

        assertEquals("rcx=0x102000001 r15=0xca0d", seen.toString());
    }

    @Test
    void registersAreReachedByOperand() {
        SeamcallRegisters regs = new SeamcallRegisters();
        for (TdxOperand register : List.of(TdxOperand.RCX, TdxOperand.RBX, TdxOperand.R8, TdxOperand.R15)) {
            regs.set(register, register.id());
            assertEquals(register.id(), regs.get(register));
        }
        assertEquals("rcx=0x1 rbx=0x3 r8=0x8 r15=0xf", regs.toString());
        IllegalArgumentException refused =
                assertThrows(IllegalArgumentException.class, () -> regs.get(TdxOperand.SEPT_TREE));
        assertEquals("SEPT_TREE is not one of the registers RCX, RDX, RBX, RSI, RDI, R8..R15", refused.getMessage());
    }

    @Test
    void leavesHaveTheNumbersAndVersionsOfTheAbi() {
        assertEquals(0x1_0003, SeamcallLeaf.MEM_SEPT_ADD.rax(1));
        assertSame(SeamcallLeaf.PHYMEM_PAMT_REMOVE, SeamcallLeaf.ofNumber(59));
        IllegalArgumentException refused =
                assertThrows(IllegalArgumentException.class, () -> SeamcallLeaf.PHYMEM_PAMT_ADD.rax(1));
        assertEquals("TDH.PHYMEM.PAMT.ADD has versions 0 to 0, and no version 1", refused.getMessage());
    }

    @Test
    void aBackendThatIsNotThereIsNamedInTheMessage() {
        IllegalArgumentException refused =
                assertThrows(IllegalArgumentException.class, () -> SeamcallProviderFactory.named("real-iron"));
        assertEquals(
                "no SEAMCALL backend is named 'real-iron'; there is none on the module path or class path",
                refused.getMessage());
    }

    @Test
    void aPlatformRefusesRangesThatOverlap() {
        PlatformConfig.Builder builder = PlatformConfig.builder();
        IllegalArgumentException refused = assertThrows(
                IllegalArgumentException.class,
                () -> builder.cmrs(List.of(new PhysicalRange(0x1000, 0x2000), new PhysicalRange(0x2000, 0x1000))));
        assertEquals(
                "convertible memory ranges do not overlap, but [0x1000, 0x3000) and [0x2000, 0x3000) do",
                refused.getMessage());
    }
}
