package dev.pamt.impl;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.Validate;

/**
 * The gate under Lincheck: a call that is alone finds nobody inside, and nobody waits for ever. Public because Lincheck asks
 * for it.
 */
@Param(name = "region", gen = IntGen.class, conf = "0:1")
public final class CallGateModel {
    private final AtomicLong ended = new AtomicLong();
    private final CallGate gate = new CallGate(2, ended::get);
    private final AtomicInteger inside = new AtomicInteger();
    private final AtomicInteger made = new AtomicInteger();
    private volatile boolean aloneInside;
    private volatile boolean aloneTogether;

    /** Makes an open gate. */
    public CallGateModel() {}

    /** A call beside others. */
    @Operation
    public void call(@Param(name = "region") int region) {
        gate.enter(region);
        inside.incrementAndGet();
        aloneTogether |= aloneInside;
        inside.decrementAndGet();
        made.incrementAndGet();
        ended.incrementAndGet();
    }

    /** A call alone. */
    @Operation
    public void alone(@Param(name = "region") int region) {
        gate.alone(region, () -> {
            aloneInside = true;
            aloneTogether |= inside.get() != 0;
            aloneInside = false;
            made.incrementAndGet();
            return ended.incrementAndGet();
        });
    }

    /** Nobody was beside one that was alone, and every call is counted once. */
    @Validate
    public void aloneIsAlone() {
        if (aloneTogether) {
            throw new AssertionError("two were inside while one was alone");
        }
        if (gate.calls() != made.get()) {
            throw new AssertionError(gate.calls() + " calls counted of " + made);
        }
    }
}
