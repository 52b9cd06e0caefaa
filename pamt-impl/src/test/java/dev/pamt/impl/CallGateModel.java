package dev.pamt.impl;

import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Validate;

/**
 * The gate under Lincheck: a call that is alone finds no other inside, and none waits for ever. Public because Lincheck asks
 * for it.
 */
public final class CallGateModel {
    private final CallGate gate = new CallGate(2);
    private final AtomicInteger inside = new AtomicInteger();
    private volatile boolean aloneInside;
    private volatile boolean aloneTogether;
    private volatile boolean notSeenInside;

    /** Makes an open gate. */
    public CallGateModel() {}

    /** A call beside others. */
    @Operation
    public void call() {
        int place = gate.enter();
        inside.incrementAndGet();
        aloneTogether |= aloneInside;
        notSeenInside |= !gate.isInside();
        inside.decrementAndGet();
        gate.leave(place);
    }

    /** A call alone. */
    @Operation
    public void alone() {
        gate.alone(() -> {
            aloneInside = true;
            aloneTogether |= inside.get() != 0;
            notSeenInside |= !gate.isInside();
            aloneInside = false;
            return null;
        });
    }

    /** No thread was beside one that was alone, and each was known to be inside. */
    @Validate
    public void aloneIsAlone() {
        if (aloneTogether) {
            throw new AssertionError("two were inside while one was alone");
        }
        if (notSeenInside || gate.isInside()) {
            throw new AssertionError("the gate does not know which threads are inside");
        }
    }
}
