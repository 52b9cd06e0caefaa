package dev.pamt.seamcall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;

class SeamcallsTest {
    private static final long STATUS = TdxStatus.OPERAND_BUSY.with(TdxOperand.RDX);

    private long rax;
    private final SeamcallRegisters seen = new SeamcallRegisters();
    private final Seamcalls seamcalls = new Seamcalls((word, regs) -> {
        rax = word;
        seen.set(regs);
        return STATUS;
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
    void aBackendThatIsNotThereIsNamedInTheMessage() {
        assertEquals(List.of(), SeamcallProviderFactory.all());
        IllegalArgumentException refused =
                assertThrows(IllegalArgumentException.class, () -> SeamcallProviderFactory.named("real-iron"));
        assertEquals(
                "no SEAMCALL backend is named 'real-iron'; there is none on the module path or class path",
                refused.getMessage());
    }

    @Test
    void everyMethodSetsWhatItsLeafReadsAndReturnsTheStatus() {
        check("TDH.SYS.INIT rdx=0xdead", seamcalls::sysInit);
        check("TDH.SYS.LP.INIT rcx=0xdead rdx=0xdead", seamcalls::sysLpInit);
        check("TDH.SYS.RD rcx=0xdead rdx=0x1", regs -> seamcalls.sysRd(regs, 1));
        check("TDH.SYS.CONFIG rcx=0x200 rdx=0x2 r8=0x10020", regs -> seamcalls.sysConfig(regs, 0x200, 2, 0x10020));
        check("TDH.SYS.KEY.CONFIG rcx=0xdead rdx=0xdead", seamcalls::sysKeyConfig);
        check("TDH.SYS.TDMR.INIT rcx=0x1000 rdx=0xdead", regs -> seamcalls.sysTdmrInit(regs, 0x1000));
        check(
                "TDH.PHYMEM.PAMT.ADD rcx=0x200001 rdx=0x5000 r8=0x6000",
                regs -> seamcalls.pamtAdd(regs, 0x200000, 0x5000, 0x6000));
        check("TDH.PHYMEM.PAMT.REMOVE rcx=0x200001 rdx=0xdead", regs -> seamcalls.pamtRemove(regs, 0x200000));
        check("TDH.PHYMEM.PAGE.RDMD rcx=0x1002 rdx=0xdead", regs -> seamcalls.pageRdmd(regs, 0x1002));
        check("TDH.PHYMEM.PAGE.RECLAIM rcx=0x1000 rdx=0xdead", regs -> seamcalls.pageReclaim(regs, 0x1000));
        check("TDH.PHYMEM.PAGE.WBINVD rcx=0x1000 rdx=0xdead", regs -> seamcalls.pageWbinvd(regs, 0x1000));
        check("TDH.PHYMEM.CACHE.WB rcx=0x1 rdx=0xdead", regs -> seamcalls.cacheWb(regs, 1));
        check("TDH.MNG.CREATE rcx=0x1000 rdx=0x21", regs -> seamcalls.mngCreate(regs, 0x1000, 0x21));
        check("TDH.MNG.ADDCX rcx=0x2000 rdx=0x1000", regs -> seamcalls.mngAddcx(regs, 0x2000, 0x1000));
        check("TDH.MNG.KEY.CONFIG rcx=0x1000 rdx=0xdead", regs -> seamcalls.mngKeyConfig(regs, 0x1000));
        check("TDH.MNG.INIT rcx=0x1000 rdx=0x400", regs -> seamcalls.mngInit(regs, 0x1000, 0x400));
        check("TDH.MNG.VPFLUSHDONE rcx=0x1000 rdx=0xdead", regs -> seamcalls.mngVpflushdone(regs, 0x1000));
        check("TDH.MNG.KEY.FREEID rcx=0x1000 rdx=0xdead", regs -> seamcalls.mngKeyFreeid(regs, 0x1000));
        check("TDH.MR.FINALIZE rcx=0x1000 rdx=0xdead", regs -> seamcalls.mrFinalize(regs, 0x1000));
        check("TDH.MR.EXTEND rcx=0x100 rdx=0x1000", regs -> seamcalls.mrExtend(regs, 0x100, 0x1000));
        check("TDH.VP.CREATE rcx=0x3000 rdx=0x1000", regs -> seamcalls.vpCreate(regs, 0x3000, 0x1000));
        check("TDH.VP.ADDCX rcx=0x4000 rdx=0x3000", regs -> seamcalls.vpAddcx(regs, 0x4000, 0x3000));
        check("TDH.VP.INIT rcx=0x3000 rdx=0x7", regs -> seamcalls.vpInit(regs, 0x3000, 7));
        check("TDH.VP.FLUSH rcx=0x3000 rdx=0xdead", regs -> seamcalls.vpFlush(regs, 0x3000));
        check("TDH.VP.ENTER rcx=0x3000 rdx=0xdead", regs -> seamcalls.vpEnter(regs, 0x3000));
        check(
                "TDH.MEM.SEPT.ADD rcx=0x200001 rdx=0x1000 r8=0x8000",
                regs -> seamcalls.memSeptAdd(regs, 0x200001, 0x1000, 0x8000));
        check("TDH.MEM.SEPT.RD rcx=0x200001 rdx=0x1000", regs -> seamcalls.memSeptRd(regs, 0x200001, 0x1000));
        check("TDH.MEM.SEPT.REMOVE rcx=0x200001 rdx=0x1000", regs -> seamcalls.memSeptRemove(regs, 0x200001, 0x1000));
        check(
                "TDH.MEM.PAGE.ADD rcx=0x200000 rdx=0x1000 r8=0x8000 r9=0x9000",
                regs -> seamcalls.memPageAdd(regs, 0x200000, 0x1000, 0x8000, 0x9000));
        check(
                "TDH.MEM.PAGE.AUG rcx=0x200001 rdx=0x1000 r8=0x8000",
                regs -> seamcalls.memPageAug(regs, 0x200001, 0x1000, 0x8000));
        check("TDH.MEM.PAGE.REMOVE rcx=0x200001 rdx=0x1000", regs -> seamcalls.memPageRemove(regs, 0x200001, 0x1000));
        check(
                "TDH.MEM.PAGE.RELOCATE rcx=0x200000 rdx=0x1000 r8=0x8000",
                regs -> seamcalls.memPageRelocate(regs, 0x200000, 0x1000, 0x8000));
        check(
                "TDH.MEM.PAGE.DEMOTE rcx=0x200001 rdx=0x1000 r8=0x8000 r12=0x5000 r13=0x6000",
                regs -> seamcalls.memPageDemote(regs, 0x200001, 0x1000, 0x8000, 0x5000, 0x6000));
        check("TDH.MEM.PAGE.PROMOTE rcx=0x200001 rdx=0x1000", regs -> seamcalls.memPagePromote(regs, 0x200001, 0x1000));
        check("TDH.MEM.RANGE.BLOCK rcx=0x200001 rdx=0x1000", regs -> seamcalls.memRangeBlock(regs, 0x200001, 0x1000));
        check(
                "TDH.MEM.RANGE.UNBLOCK rcx=0x200001 rdx=0x1000",
                regs -> seamcalls.memRangeUnblock(regs, 0x200001, 0x1000));
        check("TDH.MEM.TRACK rcx=0x1000 rdx=0xdead", regs -> seamcalls.memTrack(regs, 0x1000));
    }

    private void check(String call, ToLongFunction<SeamcallRegisters> method) {
        SeamcallRegisters regs = new SeamcallRegisters();
        regs.rcx = 0xdead;
        regs.rdx = 0xdead;
        assertEquals(STATUS, method.applyAsLong(regs), call);
        assertEquals(call, SeamcallLeaf.ofNumber((int) rax) + " " + seen);
        assertEquals(0, rax >>> 16, "version 0");
    }

    @Test
    void theProviderUnderneathCanBeHad() {
        SeamcallProvider provider = (word, regs) -> 0;
        assertSame(provider, new Seamcalls(provider).provider());
    }

    @Test
    void optionsAndHintsAreTheBitsOfTheAbi() {
        assertEquals(0x1_0000L, Seamcalls.SYS_CONFIG_DYNAMIC_PAMT);
        assertEquals(0x4000_0000_0000_0000L, Seamcalls.REMOVAL_HINT);
    }
}
