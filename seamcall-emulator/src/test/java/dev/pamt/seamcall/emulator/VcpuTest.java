package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static dev.pamt.seamcall.emulator.TestTd.TDR;
import static dev.pamt.seamcall.emulator.TestTd.TDVPR;
import static dev.pamt.seamcall.emulator.TestTd.vcpuPage;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.AccessKind;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.guest.GuestAction;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import dev.pamt.seamcall.harness.ModuleInspection.TdLock;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** VP.CREATE, ADDCX, INIT and FLUSH, and VP.ENTER up to the guest. */
class VcpuTest {
    private static final long SECOND = page(5, 200);
    private static final int PAGES = 6;
    private static final int MAX_PAGES = 15;

    private final Deque<GuestAction> script = new ArrayDeque<>();
    private Runnable inside = () -> {};
    private final TestHost host = TestHost.ready(
            TestHost.config()
                    .guests(vcpu -> {
                        inside.run();
                        GuestAction action = script.poll();
                        return action == null ? new GuestAction.Vmcall() : action;
                    })
                    .build(),
            true,
            RacePoint.Listener.none());
    private final SeamcallRegisters regs = host.regs;
    private TestTd td;

    private long create(long tdvprHpa) {
        return host.calls().vpCreate(regs, tdvprHpa, TDR);
    }

    private long addPage(long tdvprHpa, int number) {
        return host.calls().vpAddcx(regs, tdvprHpa + number * 4096L, tdvprHpa);
    }

    private long init(int version, long tdvprHpa, long x2apicId) {
        regs.clear();
        regs.rcx = tdvprHpa;
        regs.r8 = x2apicId;
        return host.machine.processor(0).seamcall(SeamcallLeaf.VP_INIT.rax(version), regs);
    }

    private long flush(int processor) {
        return host.calls(processor).vpFlush(regs, TDVPR);
    }

    private void createWithPages(long tdvprHpa, int pages) {
        expect(TdxStatus.SUCCESS, create(tdvprHpa));
        for (int i = 1; i < pages; i++) {
            expect(TdxStatus.SUCCESS, addPage(tdvprHpa, i));
        }
    }

    private void assertUnlocked(long... pages) {
        for (long page : pages) {
            assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_4K, page));
        }
        assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_4K, TDR));
        assertEquals(0, host.lock2m(5));
        assertEquals(0, host.inspection().tdLock(TDR, TdLock.OP_STATE));
        assertEquals(0, host.inspection().tdLock(TDR, TdLock.EPOCH));
    }

    @Nested
    class OfATdThatIsBeingBuilt {
        OfATdThatIsBeingBuilt() {
            td = TestTd.unfinished(host);
        }

        @Test
        void createMakesTheRootPageOfAVcpu() {
            long children = td.childPages();
            long used = host.pagesInUse(5);
            host.machine.memory().write64(SECOND + 8, 5);
            expect(TdxStatus.SUCCESS, create(SECOND));
            assertEquals(0, host.machine.memory().read64(SECOND + 8));
            assertEquals(PageType.TDVPR, host.typeOf(SECOND));
            assertEquals(TDR, regs.rdx);
            assertEquals(children + 1, td.childPages());
            assertEquals(used + 1, host.pagesInUse(5));
            assertEquals(TDR, host.inspection().tdOf(SECOND));
            assertUnlocked(SECOND);
        }

        @Test
        void createNeedsItsTdAndAFreePage() {
            expect(TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RCX), create(TDVPR));
            expect(
                    TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RDX),
                    host.calls().vpCreate(regs, SECOND, TDVPR));
            host.inspection().setTdLock(TDR, TdLock.OP_STATE, 1);
            expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.OP_STATE), create(SECOND));
            host.inspection().setTdLock(TDR, TdLock.OP_STATE, 0);
            assertUnlocked(TDVPR, SECOND);
        }

        @Test
        void addcxTakesUpTo15Pages() {
            long children = td.childPages();
            expect(TdxStatus.SUCCESS, create(SECOND));
            for (int i = 1; i < MAX_PAGES; i++) {
                long hpa = SECOND + i * 4096L;
                host.machine.memory().write64(hpa + 8, 5);
                expect(TdxStatus.SUCCESS, addPage(SECOND, i));
                assertEquals(0, host.machine.memory().read64(hpa + 8));
                assertEquals(PageType.TDCX, host.typeOf(hpa));
                assertEquals(TDR, regs.rdx);
            }
            expect(TdxStatus.TDCX_NUM_INCORRECT, addPage(SECOND, MAX_PAGES));
            assertEquals(children + MAX_PAGES, td.childPages());
            assertEquals(PageType.NDA, host.typeOf(SECOND + MAX_PAGES * 4096L));
            assertUnlocked(SECOND, SECOND + 4096);
        }

        @Test
        void addcxNeedsTheVcpuAloneBeforeItIsInitialised() {
            createWithPages(SECOND, PAGES);
            expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), addPage(SECOND, 0));
            expect(
                    TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RCX),
                    host.calls().vpAddcx(regs, TDVPR, SECOND));
            expect(
                    TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RDX),
                    host.calls().vpAddcx(regs, page(5, 100), vcpuPage(1)));
            host.inspection().setLockWord(PageLevel.SIZE_4K, SECOND, 4);
            expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RDX), addPage(SECOND, PAGES));
            host.inspection().setLockWord(PageLevel.SIZE_4K, SECOND, 0);
            host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 1);
            expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.TDR), addPage(SECOND, PAGES));
            host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 0);
            expect(TdxStatus.SUCCESS, init(0, SECOND, 0));
            expect(TdxStatus.VCPU_STATE_INCORRECT.with(2), addPage(SECOND, PAGES));
            assertUnlocked(SECOND, TDVPR);
        }

        @Test
        void initNeedsAllPagesAndIsDoneOnce() {
            createWithPages(SECOND, PAGES - 1);
            expect(TdxStatus.TDCX_NUM_INCORRECT, init(0, SECOND, 0));
            expect(TdxStatus.SUCCESS, addPage(SECOND, PAGES - 1));
            expect(TdxStatus.SUCCESS, init(0, SECOND, 0));
            expect(TdxStatus.VCPU_STATE_INCORRECT.with(2), init(0, SECOND, 0));
            assertUnlocked(SECOND);
        }

        @Test
        void initOfVersion1ListsAnX2apicIdThatIsUnique() {
            createWithPages(SECOND, PAGES);
            expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.R8), init(1, SECOND, 1L << 32));
            expect(TdxStatus.X2APIC_ID_NOT_UNIQUE.with(0), init(1, SECOND, 0));
            expect(TdxStatus.SUCCESS, init(1, SECOND, 0xFFFF_FFFFL));
            createWithPages(page(5, 220), PAGES);
            expect(TdxStatus.X2APIC_ID_NOT_UNIQUE.with(0xFFFF_FFFFL), init(1, page(5, 220), 0xFFFF_FFFFL));
            expect(TdxStatus.SUCCESS, init(1, page(5, 220), 7));
            assertUnlocked(SECOND);
        }

        @Test
        void initOfVersion0ListsEveryVcpuWithTheId0() {
            createWithPages(SECOND, PAGES);
            expect(TdxStatus.SUCCESS, init(0, SECOND, 7));
            createWithPages(page(5, 220), PAGES);
            expect(TdxStatus.SUCCESS, init(1, page(5, 220), 7));
        }

        @Test
        void aTdHasNoMoreVcpusThanItWasMadeFor() {
            for (int i = 2; i <= 4; i++) {
                createWithPages(page(5, 200 + 10 * i), PAGES);
                expect(TdxStatus.SUCCESS, init(0, page(5, 200 + 10 * i), 0));
            }
            createWithPages(page(5, 300), PAGES);
            expect(TdxStatus.MAX_VCPUS_EXCEEDED, init(0, page(5, 300), 0));
            expect(TdxStatus.MAX_VCPUS_EXCEEDED, init(1, page(5, 300), 1L << 32));
            assertUnlocked(page(5, 300));
        }

        @Test
        void anInitThatFailedDoesNotCount() {
            createWithPages(SECOND, PAGES);
            for (int i = 0; i < 4; i++) {
                expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.R8), init(1, SECOND, 1L << 32));
            }
            expect(TdxStatus.SUCCESS, init(1, SECOND, 1));
        }

        @Test
        void initOfVersion1HoldsTheTdAlone() {
            createWithPages(SECOND, PAGES);
            host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 4);
            expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.TDR), init(1, SECOND, 1));
            host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 4);
            expect(TdxStatus.SUCCESS, init(0, SECOND, 1));
            assertEquals(4, host.inspection().lockWord(PageLevel.SIZE_4K, TDR));
            assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_4K, SECOND));
        }

        @Test
        void initHasTwoVersions() {
            regs.clear();
            regs.rcx = SECOND;
            expect(
                    TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX),
                    host.machine.processor(0).seamcall(SeamcallLeaf.VP_INIT.rax() | 2 << 16, regs));
        }

        @Test
        void theVcpuIsAssociatedWithTheProcessorThatInitialisesIt() {
            expect(TdxStatus.VCPU_NOT_ASSOCIATED, flush(1));
            expect(TdxStatus.FLUSHVP_NOT_DONE, host.calls().mngVpflushdone(regs, TDR));
            expect(TdxStatus.SUCCESS, flush(0));
            expect(TdxStatus.VCPU_NOT_ASSOCIATED, flush(0));
            assertUnlocked(TDVPR);
            expect(TdxStatus.SUCCESS, host.calls().mngVpflushdone(regs, TDR));
            expect(TdxStatus.TD_KEYS_NOT_CONFIGURED, flush(0));
        }

        @Test
        void flushNeedsTheVcpuAloneAndAllItsPages() {
            createWithPages(SECOND, PAGES - 1);
            expect(TdxStatus.TDCX_NUM_INCORRECT, host.calls().vpFlush(regs, SECOND));
            host.inspection().setLockWord(PageLevel.SIZE_4K, TDVPR, 4);
            expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), flush(0));
            host.inspection().setLockWord(PageLevel.SIZE_4K, TDVPR, 0);
            host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 4);
            expect(TdxStatus.SUCCESS, flush(0));
        }

        @Test
        void nobodyEntersBeforeTheTdCanRun() {
            expect(TdxStatus.OP_STATE_INCORRECT.with(1), td.enter());
            assertUnlocked(TDVPR);
        }
    }

    @Nested
    class OfATdThatRuns {
        OfATdThatRuns() {
            td = new TestTd(host);
        }

        @Test
        void itTakesNoMoreVcpus() {
            expect(TdxStatus.OP_STATE_INCORRECT.with(2), create(SECOND));
            expect(TdxStatus.OP_STATE_INCORRECT.with(2), host.calls().vpAddcx(regs, page(5, 100), TDVPR));
            expect(TdxStatus.OP_STATE_INCORRECT.with(2), init(0, TDVPR, 0));
            assertUnlocked(TDVPR, SECOND);
        }

        @ParameterizedTest
        @ValueSource(longs = {1, 1 << 11, 1L << 54, 1L << 63, 1L << 52, 1L << 53})
        void enterRefusesBitsThatItDoesNotKnowOrCannotFollow(long bit) {
            expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX), td.call(SeamcallLeaf.VP_ENTER, TDVPR | bit, 0, 0));
            assertUnlocked(TDVPR);
            assertEquals(77, td.enter());
        }

        @Test
        void enterNeedsTheRootPageOfAVcpu() {
            expect(
                    TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RCX),
                    td.call(SeamcallLeaf.VP_ENTER, vcpuPage(1), 0, 0));
            assertUnlocked(vcpuPage(1));
        }

        @Test
        void enterNeedsEachLockShared() {
            host.inspection().setLockWord(PageLevel.SIZE_4K, TDVPR, 1);
            expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), td.enter());
            host.inspection().setLockWord(PageLevel.SIZE_4K, TDVPR, 4);
            host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 1);
            expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.TDR), td.enter());
            host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 4);
            host.inspection().setTdLock(TDR, TdLock.OP_STATE, 1);
            expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.OP_STATE), td.enter());
            host.inspection().setTdLock(TDR, TdLock.OP_STATE, 4);
            host.inspection().setTdLock(TDR, TdLock.EPOCH, 1);
            expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.TD_EPOCH), td.enter());
            host.inspection().setTdLock(TDR, TdLock.EPOCH, 2);
            assertEquals(77, td.enter());
            assertEquals(4, host.inspection().lockWord(PageLevel.SIZE_4K, TDVPR));
            assertEquals(4, host.inspection().lockWord(PageLevel.SIZE_4K, TDR));
            assertEquals(4, host.inspection().tdLock(TDR, TdLock.OP_STATE));
            assertEquals(2, host.inspection().tdLock(TDR, TdLock.EPOCH));
        }

        @Test
        void insideAVcpuSharesItsRootPageAndItsTdAndNothingElse() {
            int[] seen = new int[6];
            inside = () -> {
                seen[0] = host.inspection().lockWord(PageLevel.SIZE_4K, TDVPR);
                seen[1] = host.inspection().lockWord(PageLevel.SIZE_4K, TDR);
                seen[2] = (int) host.lock2m(5);
                seen[3] = host.inspection().lockWord(PageLevel.SIZE_1G, TDR);
                seen[4] = host.inspection().tdLock(TDR, TdLock.OP_STATE);
                seen[5] = host.inspection().tdLock(TDR, TdLock.EPOCH);
            };
            assertEquals(77, td.enter());
            assertEquals("[4, 4, 4, 4, 0, 0]", Arrays.toString(seen));
            assertUnlocked(TDVPR);
        }

        @Test
        void aFlushedVcpuBelongsToWhoeverEntersItNext() {
            expect(TdxStatus.VCPU_ASSOCIATED, host.calls(1).vpEnter(regs, TDVPR));
            expect(TdxStatus.SUCCESS, flush(0));
            assertEquals(77, host.calls(1).vpEnter(regs, TDVPR));
            expect(TdxStatus.VCPU_ASSOCIATED, td.enter());
            assertUnlocked(TDVPR);
            expect(TdxStatus.VCPU_NOT_ASSOCIATED, flush(0));
            expect(TdxStatus.SUCCESS, flush(1));
        }

        @Test
        void anEntryThatFailsAssociatesTheVcpuAllTheSame() {
            expect(TdxStatus.SUCCESS, flush(0));
            host.inspection().setTdLock(TDR, TdLock.EPOCH, 1);
            expect(
                    TdxStatus.OPERAND_BUSY.with(TdxOperand.TD_EPOCH),
                    host.calls(1).vpEnter(regs, TDVPR));
            host.inspection().setTdLock(TDR, TdLock.EPOCH, 0);
            expect(TdxStatus.FLUSHVP_NOT_DONE, host.calls().mngVpflushdone(regs, TDR));
            expect(TdxStatus.SUCCESS, flush(1));
            expect(TdxStatus.SUCCESS, host.calls().mngVpflushdone(regs, TDR));
            expect(TdxStatus.TD_KEYS_NOT_CONFIGURED, td.enter());
        }

        @Test
        void aVcpuThatComesOutReturnsZeroesInEveryOtherRegister() {
            regs.clear();
            regs.rbx = 5;
            regs.r15 = 5;
            regs.r9 = 5;
            assertEquals(77, host.call(SeamcallLeaf.VP_ENTER, TDVPR, 5));
            assertEquals(new SeamcallRegisters(), regs);
        }

        @Test
        void sevenFaultsAtOneInstructionKeepTheVcpuOutUntilThePageIsThere() {
            script.add(new GuestAction.Access(0x40_0123, AccessKind.READ));
            for (int i = 0; i < 7; i++) {
                assertEquals(48, td.enter());
                assertEquals(1, regs.rcx);
                assertEquals(0x40_0000, regs.r8);
            }
            int[] entries = new int[1];
            inside = () -> entries[0]++;
            assertEquals(48, td.enter());
            assertEquals(2, regs.rcx);
            assertEquals(0, regs.rdx);
            assertEquals(0x40_0000, regs.r8);
            assertEquals(0, regs.r9);
            assertEquals(0, entries[0]);
            assertUnlocked(TDVPR);
            td.aug(0x40_0000, region(6));
            assertEquals(77, td.enter());
            assertTrue(entries[0] > 0);
        }

        @Test
        void sixFaultsAreNoReason() {
            script.add(new GuestAction.Access(0x40_0123, AccessKind.READ));
            for (int i = 0; i < 6; i++) {
                assertEquals(48, td.enter());
            }
            assertEquals(48, td.enter());
            assertEquals(1, regs.rcx, "the guest itself faulted");
        }

        @Test
        void theVcpuCountsInTheEpochInWhichItEntered() {
            long[] epochs = new long[3];
            inside = () -> {
                SeamcallRegisters others = new SeamcallRegisters();
                epochs[0] = host.calls(1).memTrack(others, TDR);
                epochs[1] = host.machine.module().tds().at(TDR).vcpusInEpoch(1);
                epochs[2] = host.machine.module().tds().at(TDR).vcpusInEpoch(2);
            };
            td.enter();
            expect(TdxStatus.SUCCESS, epochs[0]);
            assertEquals(1, epochs[1]);
            assertEquals(0, epochs[2]);
            assertEquals(0, host.machine.module().tds().at(TDR).vcpusInEpoch(1));
            assertEquals(0, host.machine.module().tds().at(TDR).vcpusInEpoch(2));
            assertFalse(host.machine.fatal().isPresent());
        }
    }
}
