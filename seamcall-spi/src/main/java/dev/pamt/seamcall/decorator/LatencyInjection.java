package dev.pamt.seamcall.decorator;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Makes calls take longer, as a {@link LatencyPlan} says. The time is spent before the call, computing, as a processor in
 * SEAM mode cannot do anything else; the module's locks are not held meanwhile. The emulator's own {@code latency-ns} is
 * spent under the locks.
 *
 * <p><b>Thread-safety:</b> any number of threads. <b>Progress:</b> a call spins for its latency.
 */
public final class LatencyInjection implements SeamcallDecorator {
    private static final long GOLDEN_GAMMA = 0x9E37_79B9_7F4A_7C15L;

    private final LatencyPlan plan;
    private final AtomicLong state;

    /**
     * Starts to draw times.
     *
     * @param plan how much longer each leaf takes
     */
    public LatencyInjection(LatencyPlan plan) {
        this.plan = Objects.requireNonNull(plan, "plan");
        state = new AtomicLong(plan.seed());
    }

    @Override
    public SeamcallProvider decorate(SeamcallProvider backend, int processor) {
        return (rax, regs) -> {
            plan.of(SeamcallLeaf.of(rax)).spend(draw());
            return backend.seamcall(rax, regs);
        };
    }

    /** SplitMix64: a counter that any number of threads can draw from, and a mix of it. */
    private double draw() {
        long mixed = state.addAndGet(GOLDEN_GAMMA);
        mixed = (mixed ^ mixed >>> 30) * 0xBF58_476D_1CE4_E5B9L;
        mixed = (mixed ^ mixed >>> 27) * 0x94D0_49BB_1331_11EBL;
        return ((mixed ^ mixed >>> 31) >>> 11) * 0x1.0p-53;
    }
}
