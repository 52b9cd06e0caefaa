package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.key.KeyOwnershipTable;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** PHYMEM.CACHE.WB, on a host with two packages of one processor each. */
class CacheWriteBackTest {
    private static final int HKID = 40;
    private static final int OTHER_HKID = 41;

    /** What another processor does when a call asks for interrupts. */
    private final AtomicReference<Runnable> meanwhile = new AtomicReference<>();

    private final TestHost host = TestHost.ready(
            TestHost.config()
                    .packages(2)
                    .interrupts(processor -> {
                        Runnable once = meanwhile.getAndSet(null);
                        if (once != null) {
                            once.run();
                        }
                        return false;
                    })
                    .build(),
            true,
            RacePoint.Listener.none());
    private final KeyOwnershipTable kot = host.machine.module().kot();

    private void flush(int hkid) {
        kot.setState(hkid, KeyOwnershipTable.State.FLUSHED);
        kot.setWriteBackPackages(hkid, 3);
    }

    private long writeBack(int processor, long resume) {
        return host.calls(processor).cacheWb(host.regs, resume);
    }

    @ParameterizedTest
    @ValueSource(longs = {2, -1, Long.MIN_VALUE})
    void itIsEitherNewOrResumed(long resume) {
        flush(HKID);
        expect(TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX), writeBack(0, resume));
        assertEquals(3, kot.writeBackPackages(HKID));
    }

    @Test
    void withoutAFlushedKeyIdThereIsNothingToDo() {
        expect(TdxStatus.NO_HKID_READY_TO_WBCACHE, writeBack(0, 0));
        expect(TdxStatus.WBCACHE_RESUME_ERROR, writeBack(0, 1));
        assertEquals(0, host.inspection().keyTableLock());
        flush(HKID);
        expect(TdxStatus.WBCACHE_RESUME_ERROR, writeBack(0, 1));
        expect(TdxStatus.SUCCESS, writeBack(0, 0));
        expect(TdxStatus.WBCACHE_RESUME_ERROR, writeBack(0, 1));
    }

    @Test
    void aPackageIsDoneForEveryKeyIdThatIsFlushed() {
        flush(HKID);
        flush(OTHER_HKID);
        kot.setState(42, KeyOwnershipTable.State.ASSIGNED);
        kot.setWriteBackPackages(42, 3);
        expect(TdxStatus.SUCCESS, writeBack(1, 0));
        assertEquals(1, kot.writeBackPackages(HKID));
        assertEquals(1, kot.writeBackPackages(OTHER_HKID));
        assertEquals(3, kot.writeBackPackages(42));
        expect(TdxStatus.SUCCESS, writeBack(0, 0));
        assertEquals(0, kot.writeBackPackages(HKID));
        assertEquals(0, host.inspection().keyTableLock());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2})
    void anInterruptedOneGoesOnForTheKeyIdsThatWereFlushedWhenItBegan(int polls) {
        flush(HKID);
        host.inspection().interruptAfterPolls(polls);
        expect(TdxStatus.INTERRUPTED_RESUMABLE, writeBack(0, 0));
        assertEquals(3, kot.writeBackPackages(HKID));
        assertEquals(0, host.inspection().keyTableLock());
        flush(OTHER_HKID);
        host.inspection().interruptAfterPolls(2 - polls);
        expect(TdxStatus.SUCCESS, writeBack(0, 1));
        assertEquals(2, kot.writeBackPackages(HKID));
        assertEquals(3, kot.writeBackPackages(OTHER_HKID));
    }

    @Test
    void itAsksForInterruptsThreeTimes() {
        flush(HKID);
        host.inspection().interruptAfterPolls(3);
        expect(TdxStatus.SUCCESS, writeBack(0, 0));
    }

    @Test
    void anInterruptedOneCanBeginAnew() {
        flush(HKID);
        host.inspection().interruptAfterPolls(0);
        expect(TdxStatus.INTERRUPTED_RESUMABLE, writeBack(0, 0));
        flush(OTHER_HKID);
        host.inspection().interruptAfterPolls(3);
        expect(TdxStatus.SUCCESS, writeBack(0, 0));
        assertEquals(2, kot.writeBackPackages(OTHER_HKID));
    }

    @Test
    void onePackageDoesOneAtATimeAndTheOthersDoNotWait() {
        flush(HKID);
        SeamcallRegisters others = new SeamcallRegisters();
        long[] statuses = new long[2];
        meanwhile.set(() -> {
            statuses[0] = host.calls(0).cacheWb(others, 0);
            statuses[1] = host.calls(1).cacheWb(others, 0);
        });
        expect(TdxStatus.SUCCESS, writeBack(0, 0));
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.WBCACHE), statuses[0]);
        expect(TdxStatus.SUCCESS, statuses[1]);
        assertEquals(0, kot.writeBackPackages(HKID));
    }

    @Test
    void itSharesTheKeyTable() {
        flush(HKID);
        host.inspection().setKeyTableLock(1);
        expect(TdxStatus.OPERAND_BUSY.with(TdxOperand.KOT), writeBack(0, 0));
        host.inspection().setKeyTableLock(2);
        expect(TdxStatus.SUCCESS, writeBack(0, 0));
        assertEquals(2, host.inspection().keyTableLock());
    }

    @Test
    void aPageIsWrittenBackThroughAnyKeyId() {
        expect(TdxStatus.SUCCESS, host.calls().pageWbinvd(host.regs, page(7, 1) | 63L << 40));
        host.setLock2m(7, 4);
        expect(TdxStatus.SUCCESS, host.calls().pageWbinvd(host.regs, page(7, 1)));
        assertEquals(4, host.lock2m(7));
    }
}
