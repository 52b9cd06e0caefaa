package dev.pamt.impl;

import dev.pamt.impl.host.Hashing;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/**
 * Lets calls into the module side by side, or one alone; and knows which threads are inside.
 *
 * <p>A thread that goes in writes its id into a place, and clears the place when it comes out. There are 64 places, 128 bytes
 * apart, chosen by the thread; a thread that finds its own taken goes into one of the next, or into a set. So a call costs one
 * compare-and-set, and a thread that dies inside leaves no count uneven. Ids and not threads: a long is stored without a
 * barrier of the garbage collector.
 *
 * <p><b>Why one is alone.</b> A thread that goes in writes its place and then checks whether the gate is closed; one that
 * wants to be alone closes the gate and then reads the places. Both are volatile, so at least one sees the other: a thread
 * that goes in while the gate is closed comes out at once and waits, or it went in before and is waited for.
 *
 * <p><b>Progress.</b> Wait-free while the gate is open. Every wait, for the others to come out and for the gate to open, ends
 * after {@link #PATIENCE_NANOS}; the call is then made all the same, and the module's BUSY is the answer if it collides. So
 * a call that hangs in the module does not stop the others. An interrupt ends no wait and is kept.
 */
final class CallGate {
    /** The longest wait: a second, for a SEAMCALL that takes microseconds, because a thread inside may be preempted. */
    static final long PATIENCE_NANOS = 1_000_000_000;

    private static final int PLACES = 64;
    /** Longs between two places. The first place is as far from the array's length. */
    private static final int STRIDE = 16;

    private static final int PROBES = 4;
    private static final long NONE = 0;
    /** The place of a thread that is in the set. */
    private static final int CROWD = 0;

    private static final int SPINS = 1000;
    /** How often a waiting thread looks again: some lengths of a SEAMCALL. */
    private static final long LOOK_NANOS = 20_000;

    private final int places;
    /** Ids of threads; 0 is none. */
    private final AtomicLongArray inside;

    private final Set<Long> crowd = ConcurrentHashMap.newKeySet();
    /** Threads that are inside and not in the first place that they look at. */
    private final AtomicInteger displaced = new AtomicInteger();

    private final ReentrantLock alone = new ReentrantLock();
    private volatile boolean closed;

    CallGate() {
        this(PLACES);
    }

    /** Makes an open gate with that many places, a power of two. */
    CallGate(int places) {
        this.places = places;
        this.inside = new AtomicLongArray((places + 1) * STRIDE);
    }

    /** Goes in. Returns the place, for {@link #leave}; one that is not the thread's first is negative, or the crowd. */
    int enter() {
        int place = claim();
        if (closed) {
            long deadline = System.nanoTime() + PATIENCE_NANOS;
            while (closed && System.nanoTime() - deadline < 0) {
                leave(place);
                awaitOpen(deadline);
                place = claim();
            }
        }
        return place;
    }

    void leave(int place) {
        if (place > 0) {
            inside.setRelease(place, NONE);
        } else {
            leaveAnother(-place);
        }
    }

    private void leaveAnother(int place) {
        if (place == CROWD) {
            crowd.remove(me());
        } else {
            inside.setRelease(place, NONE);
        }
        displaced.getAndDecrement();
    }

    /** Makes a call with no other under way, or after having waited for that in vain. The thread is not inside. */
    <T> T alone(Supplier<T> call) {
        long deadline = System.nanoTime() + PATIENCE_NANOS;
        boolean closedByMe = lockWithin(deadline);
        int place = CROWD;
        boolean entered = false;
        try {
            if (closedByMe) {
                closed = true;
                awaitEmpty(deadline);
            }
            place = claim();
            entered = true;
            return call.get();
        } finally {
            if (entered) {
                leave(place);
            }
            if (closedByMe) {
                closed = false;
                alone.unlock();
            }
        }
    }

    /** Whether the calling thread is inside. A thread sees its own writes, so the weakest reads do. */
    boolean isInside() {
        long me = me();
        return inside.getOpaque(placeAfter(me, 0)) == me || (displaced.getOpaque() != 0 && isDisplaced(me));
    }

    private boolean isDisplaced(long me) {
        for (int probe = 1; probe < PROBES; probe++) {
            if (inside.getOpaque(placeAfter(me, probe)) == me) {
                return true;
            }
        }
        return crowd.contains(me);
    }

    private int claim() {
        long me = me();
        int first = placeAfter(me, 0);
        return inside.compareAndSet(first, NONE, me) ? first : claimAnother(me);
    }

    private int claimAnother(long me) {
        displaced.getAndIncrement();
        for (int probe = 1; probe < Math.min(PROBES, places); probe++) {
            int place = placeAfter(me, probe);
            if (inside.getOpaque(place) == NONE && inside.compareAndSet(place, NONE, me)) {
                return -place;
            }
        }
        boolean entered = false;
        try {
            crowd.add(me);
            entered = true;
        } finally {
            if (!entered) {
                displaced.getAndDecrement();
            }
        }
        return CROWD;
    }

    private static long me() {
        return Thread.currentThread().getId();
    }

    private int placeAfter(long thread, int probe) {
        return (1 + (((int) Hashing.spread(thread) + probe) & (places - 1))) * STRIDE;
    }

    private boolean lockWithin(long deadline) {
        boolean taken = alone.tryLock();
        for (int looks = 0; !taken && System.nanoTime() - deadline < 0; looks++) {
            pause(looks);
            taken = alone.tryLock();
        }
        return taken;
    }

    private void awaitOpen(long deadline) {
        for (int looks = 0; closed && System.nanoTime() - deadline < 0; looks++) {
            pause(looks);
        }
    }

    private void awaitEmpty(long deadline) {
        for (int looks = 0; !isEmpty() && System.nanoTime() - deadline < 0; looks++) {
            pause(looks);
        }
    }

    private void pause(int looks) {
        if (looks < SPINS) {
            Thread.onSpinWait();
            return;
        }
        boolean interrupted = Thread.interrupted();
        LockSupport.parkNanos(this, LOOK_NANOS);
        if (interrupted || Thread.interrupted()) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean isEmpty() {
        for (int place = STRIDE; place < inside.length(); place += STRIDE) {
            if (inside.get(place) != NONE) {
                return false;
            }
        }
        return crowd.isEmpty();
    }
}
