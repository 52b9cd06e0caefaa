package dev.pamt.seamcall.emulator.lock;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.emulator.platform.ModuleFatal;
import org.junit.jupiter.api.Test;

/** The plain lock: one attempt, and what a refused sharer leaves behind goes with the exclusive release. */
class SharedExclusiveLockTest {
    private final SharedExclusiveLock lock = new SharedExclusiveLock();

    @Test
    void sharersCountInTwos() {
        assertTrue(lock.acquireShared());
        assertTrue(lock.acquireShared());
        assertEquals(4, lock.raw());
        assertFalse(lock.acquireExclusive());
        lock.releaseShared();
        lock.releaseShared();
        assertEquals(0, lock.raw());
    }

    @Test
    void anExclusiveHolderIsAlone() {
        assertTrue(lock.acquireExclusive());
        assertFalse(lock.acquireExclusive());
        assertFalse(lock.acquireShared());
        assertEquals(3, lock.raw());
        lock.releaseExclusive();
        assertEquals(0, lock.raw());
    }

    @Test
    void aReleaseWithoutAHoldIsFatal() {
        assertEquals(191, assertThrows(ModuleFatal.class, lock::releaseShared).id());
        lock.setRaw(1);
        assertEquals(191, assertThrows(ModuleFatal.class, lock::releaseShared).id());
        lock.setRaw(3);
        assertEquals(191, assertThrows(ModuleFatal.class, lock::releaseShared).id());
        lock.setRaw(2);
        assertEquals(
                192, assertThrows(ModuleFatal.class, lock::releaseExclusive).id());
    }

    @Test
    void aWordHasSixteenBits() {
        lock.setRaw(0x1_0002);
        assertEquals(2, lock.raw());
        lock.releaseShared();
        assertEquals(0, lock.raw());
    }
}
