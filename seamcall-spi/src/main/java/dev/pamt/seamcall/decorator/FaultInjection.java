package dev.pamt.seamcall.decorator;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * Makes calls go wrong as a {@link FaultPlan} says.
 *
 * <p><b>Thread-safety:</b> any number of threads; calls are counted in the order in which they come. <b>Progress:</b> never
 * waits.
 */
public final class FaultInjection implements SeamcallDecorator {
    /** Leaf numbers are below this. */
    private static final int LEAVES = 64;

    private final FaultPlan plan;
    private final AtomicLongArray calls = new AtomicLongArray(LEAVES);
    private final AtomicLong injected = new AtomicLong();
    private volatile boolean stopped;

    /**
     * Starts to count calls, for one plan.
     *
     * @param plan which calls go wrong
     */
    public FaultInjection(FaultPlan plan) {
        this.plan = Objects.requireNonNull(plan, "plan");
    }

    /**
     * How many calls of a leaf there were.
     *
     * @param leaf the leaf
     * @return calls, those that went wrong included
     */
    public long calls(SeamcallLeaf leaf) {
        return calls.get(leaf.number());
    }

    /**
     * How many calls have gone wrong.
     *
     * @return calls
     */
    public long injected() {
        return injected.get();
    }

    /** Lets every call through from now on: an experiment clears up. */
    public void stop() {
        stopped = true;
    }

    @Override
    public SeamcallProvider decorate(SeamcallProvider backend, int processor) {
        return (rax, regs) -> call(backend, rax, regs);
    }

    private long call(SeamcallProvider backend, long rax, SeamcallRegisters regs) {
        SeamcallLeaf leaf = SeamcallLeaf.of(rax);
        if (leaf == null) {
            return backend.seamcall(rax, regs);
        }
        long number = calls.incrementAndGet(leaf.number());
        FaultPlan.Fault fault = plan.of(leaf, number);
        if (fault == null || stopped) {
            return backend.seamcall(rax, regs);
        }
        injected.incrementAndGet();
        return switch (fault.kind()) {
            case ANSWER -> fault.value();
            case GARBAGE -> {
                long status = backend.seamcall(rax, regs);
                spoil(regs, fault.value());
                yield status;
            }
            case NOT_SENT ->
                throw SeamcallUnavailableException.notSent(
                        "injected: call " + number + " of " + leaf + " was not sent", null);
            case LOST_BEFORE -> throw lost(leaf, number, "before");
            case LOST_AFTER -> {
                backend.seamcall(rax, new SeamcallRegisters().set(regs));
                throw lost(leaf, number, "after");
            }
        };
    }

    private static void spoil(SeamcallRegisters regs, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        for (TdxOperand register : SeamcallRegisters.OPERANDS) {
            regs.set(register, random.nextLong());
        }
    }

    private static SeamcallUnavailableException lost(SeamcallLeaf leaf, long number, String when) {
        return new SeamcallUnavailableException(
                "injected: the module was lost " + when + " call " + number + " of " + leaf);
    }
}
