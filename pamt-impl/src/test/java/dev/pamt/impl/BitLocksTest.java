package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The two bits of a lock and its waiters, step by step: all locks share one queue, and each waiter stays until it is sent. */
class BitLocksTest {
    private static final long SECONDS = 20;
    private static final int FREE = 0;
    private static final int LOCKED = 1;
    private static final int PARKED = 2;
    private static final int ROUNDS = 5_000;

    private final AtomicIntegerArray bits = new AtomicIntegerArray(4);
    /** Whether a thread that reads the bits of a lock finds it held, whatever they are. */
    private volatile BooleanSupplier looksHeld = () -> false;

    private volatile Runnable beforeCas = () -> {};
    private final BitLocks locks = new BitLocks(1) {
        @Override
        int bits(long lock) {
            return looksHeld.getAsBoolean() ? LOCKED : bits.get((int) lock);
        }

        @Override
        boolean casBits(long lock, int expected, int update) {
            beforeCas.run();
            return bits.compareAndSet((int) lock, expected, update);
        }

        @Override
        public long lockOf(long region) {
            return region;
        }
    };
    private final List<Waiter> order = Collections.synchronizedList(new ArrayList<>());
    private final List<Waiter> waiters = new ArrayList<>();

    /** A thread that takes a lock, and leaves it when it is sent. */
    private final class Waiter extends Thread {
        private final long lock;
        private final CountDownLatch taken = new CountDownLatch(1);
        private final CountDownLatch sent = new CountDownLatch(1);
        private volatile boolean wasInterrupted;

        Waiter(long lock) {
            this.lock = lock;
            setDaemon(true);
            waiters.add(this);
        }

        @Override
        public void run() {
            locks.lock(lock);
            wasInterrupted = Thread.interrupted();
            order.add(this);
            taken.countDown();
            try {
                assertTrue(sent.await(SECONDS, TimeUnit.SECONDS));
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
            locks.unlock(lock);
        }

        void awaitTaken() throws InterruptedException {
            assertTrue(taken.await(SECONDS, TimeUnit.SECONDS), "a waiter was not woken");
        }

        void leave() throws InterruptedException {
            sent.countDown();
            join(TimeUnit.SECONDS.toMillis(SECONDS));
            assertFalse(isAlive());
        }
    }

    /** Starts a thread that parks for a lock which is held. */
    private Waiter park(long lock) throws InterruptedException {
        Waiter waiter = new Waiter(lock);
        waiter.start();
        while (waiter.getState() != Thread.State.WAITING) {
            Thread.sleep(1);
        }
        return waiter;
    }

    private static void outlastPatience() throws InterruptedException {
        Thread.sleep(3 * TimeUnit.NANOSECONDS.toMillis(BitLocks.PATIENCE_NANOS));
    }

    private List<Integer> allBits() {
        return List.of(bits.get(0), bits.get(1), bits.get(2), bits.get(3));
    }

    @AfterEach
    void sendAll() {
        waiters.forEach(waiter -> waiter.sent.countDown());
    }

    @Test
    void aLockIsOneBit() {
        assertTrue(locks.tryLock(2));
        assertEquals(List.of(FREE, FREE, LOCKED, FREE), allBits());
        assertFalse(locks.tryLock(2));
        assertTrue(locks.tryLock(3));
        locks.unlock(2);
        assertEquals(List.of(FREE, FREE, FREE, LOCKED), allBits());
        locks.lock(2);
        assertEquals(LOCKED, bits.get(2));
    }

    @Test
    void aLockThatIsNotHeldCannotBeLeft() {
        assertEquals(
                "lock 1 is not held",
                assertThrows(IllegalMonitorStateException.class, () -> locks.unlock(1))
                        .getMessage());
        assertEquals(FREE, bits.get(1));
    }

    @Test
    void aThreadThatHasWaitedTooLongIsHandedTheLockWithoutItBeingFree() throws Exception {
        locks.lock(0);
        Waiter waiter = park(0);
        assertEquals(LOCKED | PARKED, bits.get(0));
        outlastPatience();
        locks.unlock(0);
        assertEquals(LOCKED, bits.get(0));
        assertFalse(locks.tryLock(0));
        waiter.awaitTaken();
        waiter.leave();
        assertEquals(FREE, bits.get(0));
    }

    @Test
    void aThreadThatRunsMayOvertakeOneThatWasWokenSoon() throws Exception {
        boolean overtaken = false;
        for (int round = 0; round < ROUNDS && !overtaken; round++) {
            locks.lock(0);
            Waiter waiter = new Waiter(0);
            waiter.start();
            while (bits.get(0) == LOCKED) {
                Thread.onSpinWait();
            }
            locks.unlock(0);
            if (locks.tryLock(0)) {
                overtaken = true;
                locks.unlock(0);
            }
            waiter.awaitTaken();
            waiter.leave();
        }
        assertTrue(overtaken);
    }

    @Test
    void theMarkStaysUntilTheLastWaiterHasTheLockAndTheyComeInOrder() throws Exception {
        locks.lock(0);
        Waiter first = park(0);
        Waiter second = park(0);
        Waiter third = park(0);
        outlastPatience();
        locks.unlock(0);
        first.awaitTaken();
        assertEquals(LOCKED | PARKED, bits.get(0));
        first.leave();
        second.awaitTaken();
        assertEquals(LOCKED | PARKED, bits.get(0));
        second.leave();
        third.awaitTaken();
        assertEquals(LOCKED, bits.get(0));
        third.leave();
        assertEquals(FREE, bits.get(0));
        assertEquals(List.of(first, second, third), order);
    }

    @Test
    void locksThatShareAQueueWakeTheirOwnWaitersWhereverTheyStandInIt() throws Exception {
        locks.lock(0);
        locks.lock(1);
        locks.lock(2);
        Waiter a0 = park(0);
        Waiter a1 = park(1);
        Waiter b0 = park(0);
        Waiter a2 = park(2);
        outlastPatience();
        locks.unlock(2);
        a2.awaitTaken();
        assertEquals(LOCKED, bits.get(2));
        Waiter b1 = park(1);
        locks.unlock(1);
        a1.awaitTaken();
        assertEquals(List.of(LOCKED | PARKED, LOCKED | PARKED, LOCKED, FREE), allBits());
        locks.unlock(0);
        a0.awaitTaken();
        assertEquals(LOCKED | PARKED, bits.get(0));
        outlastPatience();
        a1.leave();
        b1.awaitTaken();
        assertEquals(LOCKED, bits.get(1));
        a0.leave();
        b0.awaitTaken();
        assertEquals(LOCKED, bits.get(0));
        b0.leave();
        b1.leave();
        a2.leave();
        assertEquals(List.of(FREE, FREE, FREE, FREE), allBits());
        assertEquals(List.of(a2, a1, a0, b1, b0), order);
        // The queue is empty, and its end is where it begins.
        locks.lock(3);
        Waiter a3 = park(3);
        outlastPatience();
        locks.unlock(3);
        a3.awaitTaken();
        a3.leave();
    }

    @Test
    void aLockWithAParkedThreadThatWasFreedIsTakenWithItsMark() {
        bits.set(0, PARKED);
        assertTrue(locks.tryLock(0));
        assertEquals(LOCKED | PARKED, bits.get(0));
        assertFalse(locks.tryLock(0));
    }

    @Test
    void aThreadThatIsInterruptedWaitsOnAndIsInterruptedAfterwards() throws Exception {
        locks.lock(0);
        Waiter waiter = park(0);
        waiter.interrupt();
        Thread.sleep(20);
        assertEquals(1, waiter.taken.getCount());
        outlastPatience();
        locks.unlock(0);
        waiter.awaitTaken();
        assertTrue(waiter.wasInterrupted);
        waiter.leave();
        locks.lock(0);
        Waiter undisturbed = park(0);
        locks.unlock(0);
        undisturbed.awaitTaken();
        assertFalse(undisturbed.wasInterrupted);
        undisturbed.leave();
    }

    @Test
    void aLockThatIsFreeAfterTheLastTurnOfTheSpinIsTaken() throws Exception {
        int[] turns = {BitLocks.SPINS};
        looksHeld = () -> turns[0]-- > 0;
        Waiter waiter = new Waiter(0);
        waiter.start();
        waiter.awaitTaken();
        assertEquals(LOCKED, bits.get(0));
        waiter.leave();
        assertEquals(FREE, bits.get(0));
    }

    @Test
    void aLockThatIsLeftWhileAThreadIsAboutToParkIsTaken() throws Exception {
        for (int left : new int[] {FREE, PARKED}) {
            bits.set(0, LOCKED);
            int[] reads = {BitLocks.SPINS};
            Waiter waiter = new Waiter(0);
            looksHeld = () -> {
                if (reads[0]-- == 0) {
                    // Behind the spin, and in the queue's mutex.
                    bits.set(0, left);
                }
                return false;
            };
            waiter.start();
            waiter.awaitTaken();
            assertEquals(left | LOCKED, bits.get(0));
            bits.set(0, LOCKED);
            waiter.leave();
            assertEquals(FREE, bits.get(0));
        }
    }

    /** Starts a thread that is woken without being handed the lock, and holds it up before it can take it. */
    private Waiter wakeInVain(Point woken) throws InterruptedException {
        while (true) {
            locks.lock(0);
            Waiter waiter = new Waiter(0);
            waiter.start();
            while (bits.get(0) == LOCKED) {
                Thread.onSpinWait();
            }
            beforeCas = () -> {
                if (Thread.currentThread() == waiter) {
                    beforeCas = () -> {};
                    woken.pass();
                }
            };
            locks.unlock(0);
            if (bits.get(0) == FREE) {
                woken.awaitReached();
                return waiter;
            }
            // It has waited too long, and was handed the lock.
            beforeCas = () -> {};
            waiter.awaitTaken();
            waiter.leave();
            order.remove(waiter);
        }
    }

    private static void awaitParked(Waiter waiter) throws InterruptedException {
        Object blocker = LockSupport.getBlocker(waiter);
        while (blocker == null || blocker.getClass().getEnclosingClass() != BitLocks.class) {
            Thread.sleep(1);
            blocker = LockSupport.getBlocker(waiter);
        }
    }

    @Test
    void threadsThatWereWokenInVainKeepTheirPlacesBeforeThoseThatCameLater() throws Exception {
        locks.lock(1);
        Waiter ofAnotherLock = park(1);
        Point firstIsWoken = new Point();
        Waiter first = wakeInVain(firstIsWoken);
        Point secondIsWoken = new Point();
        Waiter second = wakeInVain(secondIsWoken);
        assertTrue(locks.tryLock(0));
        Waiter third = park(0);
        firstIsWoken.open();
        awaitParked(first);
        secondIsWoken.open();
        awaitParked(second);
        outlastPatience();
        locks.unlock(0);
        for (Waiter next : List.of(first, second, third)) {
            next.awaitTaken();
            next.leave();
        }
        locks.unlock(1);
        ofAnotherLock.awaitTaken();
        ofAnotherLock.leave();
        assertEquals(List.of(first, second, third, ofAnotherLock), order);
        assertEquals(List.of(FREE, FREE, FREE, FREE), allBits());
    }
}
