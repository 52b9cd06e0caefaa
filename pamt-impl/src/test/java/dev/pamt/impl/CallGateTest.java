package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;

/** The gate with so few places that threads do not get their own, step by step; interleavings are the model checker's. */
class CallGateTest {
    private static final long SECONDS = 20;

    private final CallGate gate = new CallGate(2);

    /** A thread that is inside until it is told to leave. */
    private final class Visitor {
        private final Point inside = new Point();
        private final CompletableFuture<Boolean> visit = CompletableFuture.supplyAsync(this::stay, run -> {
            Thread thread = new Thread(run);
            thread.setDaemon(true);
            thread.start();
        });

        private volatile boolean hasEntered;

        private boolean stay() {
            int place = gate.enter();
            hasEntered = true;
            boolean seen = gate.isInside();
            inside.pass();
            gate.leave(place);
            return seen && !gate.isInside();
        }

        void awaitInside() {
            inside.awaitReached();
        }

        void leave() throws Exception {
            inside.open();
            assertTrue(visit.get(SECONDS, TimeUnit.SECONDS), "a thread is inside from enter to leave");
        }
    }

    private List<Visitor> visitors(int count) {
        List<Visitor> visitors = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Visitor visitor = new Visitor();
            visitor.awaitInside();
            visitors.add(visitor);
        }
        return visitors;
    }

    private CompletableFuture<Integer> alone(AtomicInteger made) {
        return CompletableFuture.supplyAsync(() -> gate.alone(made::incrementAndGet));
    }

    @Test
    void aThreadThatHasNotEnteredIsNotInside() throws Exception {
        assertFalse(gate.isInside());
        for (Visitor visitor : visitors(5)) {
            assertFalse(gate.isInside());
            visitor.leave();
        }
    }

    @Test
    void aCallThatIsAloneIsInside() {
        assertTrue(gate.alone(gate::isInside));
        assertFalse(gate.isInside());
    }

    @Test
    void moreThreadsThanPlacesAreInsideAndEachIsWaitedFor() throws Exception {
        for (int last = 0; last < 5; last++) {
            List<Visitor> visitors = visitors(5);
            AtomicInteger made = new AtomicInteger();
            CompletableFuture<Integer> alone = alone(made);
            // The one that is left for the end is in a place of its own, in another's or in the crowd.
            Visitor left = visitors.remove(last);
            for (Visitor visitor : visitors) {
                visitor.leave();
            }
            Assertions.assertThrows(TimeoutException.class, () -> alone.get(30, TimeUnit.MILLISECONDS));
            assertEquals(0, made.get());
            left.leave();
            assertEquals(1, alone.get(SECONDS, TimeUnit.SECONDS));
        }
    }

    @Test
    void aThreadThatComesWhileACallIsAloneWaitsForItsEnd() throws Exception {
        Point calling = new Point();
        CompletableFuture<Integer> alone = CompletableFuture.supplyAsync(() -> gate.alone(() -> {
            calling.pass();
            return 1;
        }));
        calling.awaitReached();
        Visitor visitor = new Visitor();
        Thread.sleep(30);
        AtomicInteger second = new AtomicInteger();
        CompletableFuture<Integer> alsoAlone = alone(second);
        Thread.sleep(30);
        assertEquals(0, second.get());
        assertFalse(visitor.hasEntered);
        calling.open();
        assertEquals(1, alone.get(SECONDS, TimeUnit.SECONDS));
        visitor.awaitInside();
        visitor.leave();
        assertEquals(1, alsoAlone.get(SECONDS, TimeUnit.SECONDS));
    }

    @Test
    void theGateIsOpenAfterACallThatThrew() throws Exception {
        Assertions.assertThrows(
                IllegalStateException.class,
                () -> gate.alone(() -> {
                    throw new IllegalStateException("a call");
                }));
        assertFalse(gate.isInside());
        int place = gate.enter();
        gate.leave(place);
        assertEquals(1, alone(new AtomicInteger()).get(SECONDS, TimeUnit.SECONDS));
    }

    @Test
    void anInterruptEndsNoWaitAndIsKept() throws Exception {
        List<Visitor> visitors = visitors(1);
        CompletableFuture<Boolean> kept = new CompletableFuture<>();
        Thread waiter = new Thread(() -> {
            gate.alone(() -> 1);
            kept.complete(Thread.currentThread().isInterrupted());
        });
        waiter.start();
        Thread.sleep(30);
        waiter.interrupt();
        Assertions.assertThrows(TimeoutException.class, () -> kept.get(30, TimeUnit.MILLISECONDS));
        visitors.get(0).leave();
        assertTrue(kept.get(SECONDS, TimeUnit.SECONDS));
    }

    @Test
    void aThreadThatHangsInsideIsWaitedForAsLongAsPatienceLasts() throws Exception {
        List<Visitor> visitors = visitors(4);
        long start = System.nanoTime();
        assertEquals(7, gate.<Integer>alone(() -> 7));
        assertTrue(System.nanoTime() - start >= CallGate.PATIENCE_NANOS);
        for (Visitor visitor : visitors) {
            visitor.leave();
        }
    }

    @Test
    void aCallThatNoOtherIsBesideIsAloneAtOnceAndLeavesTheGateToTheNextThread() throws Exception {
        long quickest = Long.MAX_VALUE;
        for (int attempt = 0; attempt < 3; attempt++) {
            long start = System.nanoTime();
            assertEquals(3, gate.<Integer>alone(() -> 3));
            assertEquals(1, alone(new AtomicInteger()).get(SECONDS, TimeUnit.SECONDS));
            quickest = Math.min(quickest, System.nanoTime() - start);
        }
        assertTrue(quickest < CallGate.PATIENCE_NANOS, "it waits for no one");
    }

    @Test
    void aSecondCallThatWantsToBeAloneIsMadeWhenPatienceIsOverAndLeavesTheGateToTheFirst() throws Exception {
        Point calling = new Point();
        CompletableFuture<Integer> first = CompletableFuture.supplyAsync(() -> gate.alone(() -> {
            calling.pass();
            return 1;
        }));
        calling.awaitReached();
        AtomicInteger made = new AtomicInteger();
        long start = System.nanoTime();
        assertEquals(1, gate.alone(made::incrementAndGet));
        assertTrue(System.nanoTime() - start >= CallGate.PATIENCE_NANOS);
        Visitor visitor = new Visitor();
        Thread.sleep(30);
        assertFalse(visitor.hasEntered, "the first call is under way");
        calling.open();
        assertEquals(1, first.get(SECONDS, TimeUnit.SECONDS));
        visitor.awaitInside();
        visitor.leave();
    }
}
