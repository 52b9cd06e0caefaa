package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.SysField;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import dev.pamt.seamcall.harness.GuestDriver;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The way from a module that was just loaded to one that is ready, and what is refused on it. */
class BringUpTest {
    private final TestHost host = TestHost.loaded(TestHost.config().packages(2).build());
    private final SeamcallRegisters regs = host.regs;
    private final Seamcalls calls = host.calls();

    @Test
    void stepsOutOfOrderAreRefused() {
        expect(TdxStatus.SYS_NOT_READY, calls.pamtRemove(regs, 0));
        expect(TdxStatus.SYS_LP_INIT_NOT_PENDING, calls.sysLpInit(regs));
        expect(TdxStatus.SUCCESS, calls.sysInit(regs));
        expect(TdxStatus.SYS_INIT_NOT_PENDING, calls.sysInit(regs));
        expect(TdxStatus.SYS_LP_INIT_NOT_DONE, calls.sysRd(regs, SysField.MAX_TDMRS.id()));
        expect(TdxStatus.SUCCESS, calls.sysLpInit(regs));
        expect(TdxStatus.SYS_LP_INIT_DONE, calls.sysLpInit(regs));
        expect(TdxStatus.SYS_CONFIG_NOT_PENDING, host.sysConfig(true));
        expect(TdxStatus.SUCCESS, host.calls(1).sysLpInit(regs));
        expect(TdxStatus.SYS_KEY_CONFIG_NOT_PENDING, calls.sysKeyConfig(regs));
        expect(TdxStatus.SUCCESS, host.sysConfig(true));
        expect(TdxStatus.SYS_CONFIG_NOT_PENDING, host.sysConfig(true));
        expect(TdxStatus.SUCCESS, calls.sysKeyConfig(regs));
        expect(TdxStatus.KEY_CONFIGURED, calls.sysKeyConfig(regs));
        expect(TdxStatus.SYS_NOT_READY, calls.sysTdmrInit(regs, TestHost.TDMR));
        expect(TdxStatus.SUCCESS, host.calls(1).sysKeyConfig(regs));
        expect(TdxStatus.SUCCESS, calls.sysTdmrInit(regs, TestHost.TDMR));
    }

    @Test
    void anUnknownLeafIsRefusedOnlyOnceTheModuleIsReady() {
        expect(TdxStatus.SYS_NOT_READY, host.machine.processor(0).seamcall(1234, regs));
        TestHost ready = TestHost.ready();
        for (long rax : new long[] {1234, 63, 1L << 24 | 24, 1L << 32 | 24, 1L << 16 | 58, 3L << 16 | 24}) {
            expect(
                    TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX),
                    ready.machine.processor(0).seamcall(rax, regs));
        }
    }

    @Test
    void aGuestThatAHarnessDrivesIsEnteredNoSoonerThanByTheLeaf() {
        GuestDriver guests = host.inspection().guests().orElseThrow();
        regs.rcx = 1;
        expect(TdxStatus.SYS_NOT_READY, guests.enter(0, regs));
        assertEquals(1, regs.rcx);
    }

    @Test
    void aRefusedConfigurationKeepsItsKeyId() {
        calls.sysInit(regs);
        calls.sysLpInit(regs);
        host.calls(1).sysLpInit(regs);
        expect(TdxStatus.INVALID_TDMR, calls.sysConfig(regs, 0x1000, 1, 50));
        host.sysConfig(true);
        calls.sysKeyConfig(regs);
        host.calls(1).sysKeyConfig(regs);
        for (int i = 0; i < 128; i++) {
            calls.sysTdmrInit(regs, TestHost.TDMR);
        }
        host.add(5, TestHost.page(6, 0), TestHost.page(6, 1));
        expect(TdxStatus.HKID_NOT_FREE, calls.mngCreate(regs, TestHost.page(5, 0), 50));
        expect(TdxStatus.SUCCESS, calls.mngCreate(regs, TestHost.page(5, 0), 51));
    }

    @Test
    void aModuleWithoutDynamicPamtSaysSoAndRefusesIt() {
        TestHost old = TestHost.loaded(TestHost.config().dynamicPamt(false).build());
        old.calls().sysInit(regs);
        old.calls().sysLpInit(regs);
        old.calls(1).sysLpInit(regs);
        expect(TdxStatus.SUCCESS, old.calls().sysRd(regs, SysField.TDX_FEATURES0.id()));
        assertEquals(0, regs.r8 >>> SysField.FEATURE_DYNAMIC_PAMT & 1);
        expect(
                TdxStatus.METADATA_FIELD_ID_INCORRECT,
                old.calls().sysRd(regs, SysField.PAMT_PAGE_BITMAP_ENTRY_BITS.id()));
        assertEquals(-1, regs.rdx);
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.R8), old.sysConfig(true));
        expect(TdxStatus.SUCCESS, old.sysConfig(false));
    }

    @Test
    void inStaticModePairsAreUnknown() {
        TestHost plain = TestHost.ready(TestHost.config().build(), false, RacePoint.Listener.none());
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX), plain.add(5, 0, 0));
        expect(TdxStatus.SUCCESS, plain.calls().mngCreate(regs, TestHost.page(5, 0), 40));
    }

    @Test
    void fieldsAreListedByTheNextId() {
        calls.sysInit(regs);
        calls.sysLpInit(regs);
        expect(TdxStatus.METADATA_FIRST_FIELD_ID_IN_CONTEXT, calls.sysRd(regs, -1));
        int fields = 0;
        for (long id = regs.rdx; id != -1; id = regs.rdx) {
            expect(TdxStatus.SUCCESS, calls.sysRd(regs, id));
            fields++;
        }
        assertEquals(63 + 8 + 2 * 32 + 32 + 2 * 32 + 2 * 64, fields);
        expect(TdxStatus.METADATA_FIELD_ID_INCORRECT, calls.sysRd(regs, 0x7700_0000_0000_0000L));
        expect(TdxStatus.SUCCESS, calls.sysRd(regs, 0x9100_0001_0000_0013L));
        assertEquals(1, regs.r8);
    }

    @Test
    void entropyCanRunOut() {
        TestHost poor = TestHost.ready(
                TestHost.config().entropy(EntropySource.failing(7, 2)).build(), true, RacePoint.Listener.none());
        poor.add(5, TestHost.page(6, 0), TestHost.page(6, 1));
        List<Long> statuses = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            statuses.add(poor.call(SeamcallLeaf.MNG_CREATE, TestHost.page(5, i), 40 + i));
        }
        assertEquals(
                true,
                statuses.contains(TdxStatus.RND_NO_ENTROPY.code()) && statuses.contains(TdxStatus.SUCCESS.code()));
    }

    @Test
    void hostAccessesToWhatTheModuleHoldsAreReported() {
        List<HostAccess> accesses = new ArrayList<>();
        TestHost watched = TestHost.ready(
                TestHost.config().hostAccessListener(accesses::add).build(), true, RacePoint.Listener.none());
        accesses.clear();
        watched.add(5, TestHost.page(6, 0), TestHost.page(6, 1));
        watched.calls().mngCreate(watched.regs, TestHost.page(5, 9), 40);
        watched.machine.memory().read64(TestHost.page(7, 0));
        watched.machine.memory().write64(TestHost.page(0, 0), 1);
        assertEquals(List.of(), accesses);
        watched.machine.memory().read64(TestHost.page(6, 1));
        watched.machine.memory().write64(TestHost.page(5, 9) + 8, 1);
        watched.machine.memory().clearPage(TestHost.PAMT_1G);
        assertEquals(
                List.of(
                        new HostAccess(TestHost.page(6, 1), false, HostAccess.Holder.PAGE_PAIR),
                        new HostAccess(TestHost.page(5, 9) + 8, true, HostAccess.Holder.TD),
                        new HostAccess(TestHost.PAMT_1G, true, HostAccess.Holder.PAMT_AREA)),
                accesses);
    }

    @Test
    void aMachineThatIsSwitchedOffAnswersNoMore() {
        host.machine.close();
        host.machine.close();
        assertThrows(SeamcallUnavailableException.class, () -> calls.sysInit(regs));
    }

    @Test
    void aLeafNumberThatNoLeafCanHaveIsUnknown() {
        TestHost ready = TestHost.ready();
        for (long rax : new long[] {63, 64, 0xFFFF}) {
            expect(
                    TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX),
                    ready.machine.processor(0).seamcall(rax, ready.regs));
        }
    }

    @Test
    void aHostAccessToA2MPageOfATdIsReported() {
        List<HostAccess> accesses = new ArrayList<>();
        TestHost watched = TestHost.ready(
                TestHost.config().hostAccessListener(accesses::add).build(), true, RacePoint.Listener.none());
        TestTd td = new TestTd(watched);
        td.aug(0, TestHost.region(6));
        accesses.clear();
        watched.machine.memory().read64(TestHost.page(6, 9));
        watched.machine.memory().read64(TestHost.page(7, 0));
        assertEquals(List.of(new HostAccess(TestHost.page(6, 9), false, HostAccess.Holder.TD)), accesses);
    }
}
