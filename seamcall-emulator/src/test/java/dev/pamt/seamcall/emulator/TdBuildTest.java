package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.key.KeyOwnershipTable;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** MNG.CREATE to MR.FINALIZE: a TD is put together, on a host with two packages. */
class TdBuildTest {
    private static final long TDR = page(5, 0);
    private static final int HKID = 40;
    private static final long PARAMS = 0x3000;

    private final TestHost host =
            TestHost.ready(TestHost.config().packages(2).build(), true, RacePoint.Listener.none());
    private final SeamcallRegisters regs = host.regs;

    @BeforeEach
    void aRegionForItsPages() {
        expect(TdxStatus.SUCCESS, host.add(5, page(9, 0), page(9, 1)));
    }

    private long create(long tdrHpa, long hkid) {
        return host.calls().mngCreate(regs, tdrHpa, hkid);
    }

    private long keyConfig(int processor) {
        return host.calls(processor).mngKeyConfig(regs, TDR);
    }

    private long addPage(int number) {
        return host.calls().mngAddcx(regs, page(5, number), TDR);
    }

    private void createWithKeys() {
        expect(TdxStatus.SUCCESS, create(TDR, HKID));
        expect(TdxStatus.SUCCESS, keyConfig(0));
        expect(TdxStatus.SUCCESS, keyConfig(1));
    }

    private void addPages(int from, int to) {
        for (int i = from; i <= to; i++) {
            expect(TdxStatus.SUCCESS, addPage(i));
        }
    }

    private long init(long tdrHpa) {
        host.machine.memory().write64(PARAMS + 8, 3);
        host.machine.memory().write64(PARAMS + 16, 4);
        host.machine.memory().write64(PARAMS + 24, 6 | 3 << 3);
        host.machine.memory().write64(PARAMS + 40, 40);
        return host.calls().mngInit(regs, tdrHpa, PARAMS);
    }

    private KeyOwnershipTable.State key() {
        return host.machine.module().kot().state(HKID);
    }

    private void assertUnlocked() {
        assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_4K, TDR));
        assertEquals(0, host.inspection().lockWord(PageLevel.SIZE_4K, page(5, 1)));
        assertEquals(0, host.lock2m(5));
        assertEquals(0, host.inspection().keyTableLock());
    }

    @Test
    void createZeroesTheRootPageAndTakesTheKeyId() {
        host.machine.memory().write64(TDR + 8, 5);
        expect(TdxStatus.SUCCESS, create(TDR, HKID));
        assertEquals(0, host.machine.memory().read64(TDR + 8));
        assertEquals(KeyOwnershipTable.State.ASSIGNED, key());
        assertEquals(PageType.TDR, host.typeOf(TDR));
        assertEquals(1, host.pagesInUse(5));
        assertEquals(0, host.inspection().childPages(TDR));
        assertUnlocked();
    }

    @ParameterizedTest
    @ValueSource(longs = {31, 64, -1, 40 | 1L << 32})
    void createNeedsAPrivateKeyIdBeforeThePageIsLookedAt(long hkid) {
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX), create(8, hkid));
    }

    @ParameterizedTest
    @ValueSource(longs = {33, 63})
    void everyPrivateKeyIdCanBeUsedOnce(long hkid) {
        expect(TdxStatus.SUCCESS, create(TDR, hkid));
        expect(TdxStatus.HKID_NOT_FREE, create(page(5, 1), hkid));
        assertEquals(PageType.NDA, host.typeOf(page(5, 1)));
        assertUnlocked();
    }

    @Test
    void createNeedsAFreePageAndTheKeyTable() {
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX), create(TDR + 8, HKID));
        expect(TdxStatus.MISSING_PAMT_PAGE_PAIR.with(TdxOperand.RCX), create(page(6, 0), HKID));
        host.inspection().setKeyTableLock(2);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.KOT), create(TDR, HKID));
        assertEquals(2, host.inspection().keyTableLock());
        host.inspection().setKeyTableLock(0);
        assertEquals(KeyOwnershipTable.State.FREE, key());
        assertEquals(PageType.NDA, host.typeOf(TDR));
        assertUnlocked();
    }

    @Test
    void createWithoutEntropyLeavesAFreePageThatIsZeroed() {
        host.machine.memory().write64(TDR, 5);
        host.inspection().setEntropyFails(true);
        expect(TdxStatus.RND_NO_ENTROPY, create(TDR, HKID));
        assertEquals(0, host.machine.memory().read64(TDR));
        assertEquals(PageType.NDA, host.typeOf(TDR));
        assertEquals(KeyOwnershipTable.State.FREE, key());
        assertNull(host.machine.module().tds().at(TDR));
        assertUnlocked();
    }

    @Test
    void theKeyIsConfiguredOnceOnEachPackage() {
        expect(TdxStatus.SUCCESS, create(TDR, HKID));
        expect(TdxStatus.SUCCESS, keyConfig(1));
        expect(TdxStatus.KEY_CONFIGURED, keyConfig(1));
        expect(TdxStatus.TD_KEYS_NOT_CONFIGURED, addPage(1));
        assertUnlocked();
        expect(TdxStatus.SUCCESS, keyConfig(0));
        expect(TdxStatus.LIFECYCLE_STATE_INCORRECT, keyConfig(0));
        expect(TdxStatus.SUCCESS, addPage(1));
        assertUnlocked();
    }

    @Test
    void aKeyThatCouldNotBeMadeIsNotConfigured() {
        expect(TdxStatus.SUCCESS, create(TDR, HKID));
        host.inspection().setEntropyFails(true);
        expect(TdxStatus.KEY_GENERATION_FAILED, keyConfig(0));
        host.inspection().setEntropyFails(false);
        expect(TdxStatus.SUCCESS, keyConfig(0));
    }

    @Test
    void theTdIsHeldAlone() {
        createWithKeys();
        host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 4);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), keyConfig(0));
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RDX), addPage(1));
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), init(TDR));
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), host.calls().mrFinalize(regs, TDR));
        assertEquals(6, host.inspection().lockWord(PageLevel.SIZE_4K, TDR));
    }

    @Test
    void eachControlPageIsFilledForItsUse() {
        createWithKeys();
        for (int i = 1; i <= 9; i++) {
            long hpa = page(5, i);
            host.machine.memory().write64(hpa, 5);
            host.machine.memory().write64(hpa + 4088, 5);
            expect(TdxStatus.SUCCESS, addPage(i));
            long filling = i == 3 ? -1 : i == 4 ? 0x80E0L << 48 : 0;
            assertEquals(filling, host.machine.memory().read64(hpa), "page " + i);
            assertEquals(filling, host.machine.memory().read64(hpa + 4088), "page " + i);
            assertEquals(PageType.TDCX, host.typeOf(hpa));
            assertEquals(TDR, regs.rdx);
            assertEquals(i, host.inspection().childPages(TDR));
            assertEquals(1 + i, host.pagesInUse(5));
        }
        assertUnlocked();
        expect(TdxStatus.TDCX_NUM_INCORRECT, addPage(10));
        assertEquals(9, host.inspection().childPages(TDR));
        assertUnlocked();
    }

    @Test
    void aControlPageMustBeFree() {
        createWithKeys();
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), addPage(0));
        expect(
                TdxStatus.MISSING_PAMT_PAGE_PAIR.with(TdxOperand.RCX),
                host.calls().mngAddcx(regs, page(6, 0), TDR));
        assertEquals(0, host.inspection().childPages(TDR));
    }

    @Test
    void theSixthControlPageAloneNeedsEntropy() {
        createWithKeys();
        host.inspection().setEntropyFails(true);
        addPages(1, 5);
        expect(TdxStatus.RND_NO_ENTROPY, addPage(6));
        assertEquals(5, host.inspection().childPages(TDR));
        assertEquals(PageType.NDA, host.typeOf(page(5, 6)));
        assertUnlocked();
        host.inspection().setEntropyFails(false);
        addPages(6, 6);
        host.inspection().setEntropyFails(true);
        addPages(7, 7);
    }

    @Test
    void aTdThatIsInitialisedTakesNoMoreControlPages() {
        createWithKeys();
        addPages(1, 6);
        expect(TdxStatus.SUCCESS, init(TDR));
        host.machine.memory().write64(page(5, 7), 5);
        expect(TdxStatus.OP_STATE_INCORRECT.with(1), addPage(7));
        assertEquals(0, host.machine.memory().read64(page(5, 7)));
        assertEquals(PageType.NDA, host.typeOf(page(5, 7)));
        assertEquals(6, host.inspection().childPages(TDR));
        assertUnlocked();
    }

    @Test
    void initNeedsKeysAndSixControlPages() {
        expect(TdxStatus.SUCCESS, create(TDR, HKID));
        expect(TdxStatus.TD_KEYS_NOT_CONFIGURED, init(TDR));
        expect(TdxStatus.SUCCESS, keyConfig(0));
        expect(TdxStatus.SUCCESS, keyConfig(1));
        addPages(1, 5);
        expect(TdxStatus.TDCS_NOT_ALLOCATED, init(TDR));
        assertEquals(0, regs.rcx);
        addPages(6, 6);
        assertEquals(0, host.inspection().epoch(TDR));
        expect(TdxStatus.SUCCESS, init(TDR | 1));
        assertEquals(0, regs.rcx);
        assertEquals(PARAMS, regs.rdx);
        assertEquals(1, host.inspection().epoch(TDR));
        expect(TdxStatus.OP_STATE_INCORRECT.with(1), init(TDR));
        assertUnlocked();
    }

    @Test
    void finalizeNeedsAVcpuAndIsDoneOnce() {
        createWithKeys();
        addPages(1, 6);
        expect(TdxStatus.OP_STATE_INCORRECT.with(0), host.calls().mrFinalize(regs, TDR));
        expect(TdxStatus.SUCCESS, init(TDR));
        expect(TdxStatus.NO_VCPUS, host.calls().mrFinalize(regs, TDR));
        assertUnlocked();
        expect(TdxStatus.SUCCESS, host.calls().vpCreate(regs, page(5, 16), TDR));
        for (int i = 17; i < 22; i++) {
            expect(TdxStatus.SUCCESS, host.calls().vpAddcx(regs, page(5, i), page(5, 16)));
        }
        expect(TdxStatus.NO_VCPUS, host.calls().mrFinalize(regs, TDR));
        expect(TdxStatus.SUCCESS, host.calls().vpInit(regs, page(5, 16), 0));
        expect(TdxStatus.SUCCESS, host.calls().mrFinalize(regs, TDR));
        expect(TdxStatus.OP_STATE_INCORRECT.with(2), host.calls().mrFinalize(regs, TDR));
        assertUnlocked();
    }

    @Test
    void theLeavesOfATdNeedItsRootPage() {
        createWithKeys();
        addPages(1, 1);
        long wrong = page(5, 1);
        expect(
                TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RCX),
                host.calls().mngKeyConfig(regs, wrong));
        expect(
                TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RDX),
                host.calls().mngAddcx(regs, page(5, 2), wrong));
        expect(TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RCX), init(wrong));
        expect(
                TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RCX),
                host.calls().mrFinalize(regs, wrong));
        assertUnlocked();
    }

    @Test
    void theKeyOfAFinishedTdIsTakenFromAllPackages() {
        createWithKeys();
        assertEquals(0, host.call(SeamcallLeaf.MNG_KEY_RECLAIMID, TDR, 0));
        expect(TdxStatus.LIFECYCLE_STATE_INCORRECT, host.calls().mngKeyFreeid(regs, TDR));
        host.inspection().setKeyTableLock(2);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.KOT), host.calls().mngVpflushdone(regs, TDR));
        assertEquals(2, host.inspection().keyTableLock());
        host.inspection().setKeyTableLock(0);
        expect(TdxStatus.SUCCESS, host.calls().mngVpflushdone(regs, TDR));
        assertEquals(KeyOwnershipTable.State.FLUSHED, key());
        assertEquals(3, host.machine.module().kot().writeBackPackages(HKID));
        expect(TdxStatus.LIFECYCLE_STATE_INCORRECT, host.calls().mngVpflushdone(regs, TDR));
        assertUnlocked();

        expect(TdxStatus.SUCCESS, host.calls(1).cacheWb(regs, 0));
        assertEquals(1, host.machine.module().kot().writeBackPackages(HKID));
        expect(TdxStatus.WBCACHE_NOT_COMPLETE, host.calls().mngKeyFreeid(regs, TDR));
        expect(TdxStatus.SUCCESS, host.calls(0).cacheWb(regs, 0));
        assertEquals(0, host.machine.module().kot().writeBackPackages(HKID));
        host.inspection().setKeyTableLock(2);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.KOT), host.calls().mngKeyFreeid(regs, TDR));
        host.inspection().setKeyTableLock(0);
        expect(TdxStatus.SUCCESS, host.calls().mngKeyFreeid(regs, TDR));
        assertEquals(KeyOwnershipTable.State.FREE, key());
        expect(TdxStatus.LIFECYCLE_STATE_INCORRECT, host.calls().mngKeyFreeid(regs, TDR));
        assertUnlocked();
        expect(TdxStatus.TD_KEYS_NOT_CONFIGURED, addPage(1));
        expect(TdxStatus.SUCCESS, create(page(5, 1), HKID));
    }

    @Test
    void aPackageThatNeverHadTheKeyMustWriteItsCachesBackToo() {
        expect(TdxStatus.SUCCESS, create(TDR, HKID));
        expect(TdxStatus.SUCCESS, keyConfig(0));
        expect(TdxStatus.SUCCESS, host.calls().mngVpflushdone(regs, TDR));
        expect(TdxStatus.SUCCESS, host.calls(0).cacheWb(regs, 0));
        expect(TdxStatus.WBCACHE_NOT_COMPLETE, host.calls().mngKeyFreeid(regs, TDR));
        expect(TdxStatus.SUCCESS, host.calls(1).cacheWb(regs, 0));
        expect(TdxStatus.SUCCESS, host.calls().mngKeyFreeid(regs, TDR));
    }

    @Test
    void aTdWhoseKeyWasNeverConfiguredCanBeEnded() {
        expect(TdxStatus.SUCCESS, create(TDR, HKID));
        expect(TdxStatus.SUCCESS, host.calls().mngVpflushdone(regs, TDR));
        expect(TdxStatus.LIFECYCLE_STATE_INCORRECT, keyConfig(0));
        assertUnlocked();
    }

    @Test
    void theEndOfATdHoldsItAlone() {
        createWithKeys();
        host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 4);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), host.calls().mngVpflushdone(regs, TDR));
        host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 0);
        expect(TdxStatus.SUCCESS, host.calls().mngVpflushdone(regs, TDR));
        host.inspection().setLockWord(PageLevel.SIZE_4K, TDR, 4);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), host.calls().mngKeyFreeid(regs, TDR));
        assertEquals(6, host.inspection().lockWord(PageLevel.SIZE_4K, TDR));
    }
}
