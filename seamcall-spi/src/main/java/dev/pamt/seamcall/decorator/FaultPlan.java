package dev.pamt.seamcall.decorator;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * Which calls go wrong, and how: decided by the leaf and by the ordinal of the call among calls of its leaf, from 1 over all
 * processors. A call has one fault at most.
 *
 * <p>Immutable and thread-safe.
 */
public final class FaultPlan {
    /** What goes wrong with a call. */
    enum Kind {
        ANSWER,
        GARBAGE,
        NOT_SENT,
        LOST_BEFORE,
        LOST_AFTER
    }

    /** A fault; the value is a status or a seed. */
    record Fault(Kind kind, long value) {}

    private final Map<SeamcallLeaf, Map<Long, Fault>> faults;
    /** The part of all calls that goes wrong, and what decides which. */
    private final double rate;

    private final long seed;

    private FaultPlan(Builder builder) {
        rate = builder.rate;
        seed = builder.seed;
        faults = new EnumMap<>(SeamcallLeaf.class);
        builder.faults.forEach((leaf, byCall) -> faults.put(leaf, Map.copyOf(byCall)));
    }

    /**
     * Starts a plan in which nothing goes wrong.
     *
     * @return a builder
     */
    public static Builder builder() {
        return new Builder();
    }

    Fault of(SeamcallLeaf leaf, long call) {
        Map<Long, Fault> byCall = faults.get(leaf);
        Fault planned = byCall == null ? null : byCall.get(call);
        return planned != null || rate == 0 ? planned : atRandom(leaf, call);
    }

    /** The same for the same seed, leaf and call, whatever other calls there are. */
    private Fault atRandom(SeamcallLeaf leaf, long call) {
        long[] errors = LeafErrors.of(leaf);
        SplittableRandom random = new SplittableRandom(seed ^ ((long) leaf.number() << 48) ^ call);
        return errors.length == 0 || random.nextDouble() >= rate
                ? null
                : new Fault(Kind.ANSWER, errors[random.nextInt(errors.length)]);
    }

    /**
     * Builds a plan. Not thread-safe. Every method throws {@link IllegalArgumentException} if a call is not counted from 1,
     * or has a fault already.
     */
    public static final class Builder {
        private static final int MAX_BURST = 1_000_000;

        private final Map<SeamcallLeaf, Map<Long, Fault>> faults = new EnumMap<>(SeamcallLeaf.class);
        private double rate;
        private long seed;

        private Builder() {}

        /**
         * Has a part of all calls of a TD's life answered by an error that their leaf can have; the module does not see these calls.
         * Which ones, and by which error, is decided by the seed, the leaf and the number of the call. Calls that have a fault of their
         * own keep it, and calls that bring a module up are left alone. Set again, the last one counts.
         *
         * @param part the part of the calls, 0 to 1
         * @param seed decides which calls
         * @return this
         * @throws IllegalArgumentException if the part is not between 0 and 1
         */
        public Builder rate(double part, long seed) {
            if (!(part >= 0 && part <= 1)) {
                throw new IllegalArgumentException("a part of all calls is between 0 and 1, not " + part);
            }
            this.rate = part;
            this.seed = seed;
            return this;
        }

        /**
         * Has a call answered by a status; the module does not see the call.
         *
         * @param leaf the leaf
         * @param call the ordinal of the call among calls of its leaf, from 1
         * @param status the status word, such as {@code TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX)}
         * @return this
         */
        public Builder answer(SeamcallLeaf leaf, long call, long status) {
            return add(leaf, call, new Fault(Kind.ANSWER, status));
        }

        /**
         * Has calls in a row answered OPERAND_BUSY; the module does not see them.
         *
         * @param leaf the leaf
         * @param firstCall the ordinal of the first of them among calls of the leaf, from 1
         * @param calls how many calls, 1 to 1,000,000
         * @param operand what is said to be busy
         * @return this
         */
        public Builder busy(SeamcallLeaf leaf, long firstCall, int calls, TdxOperand operand) {
            if (calls < 1 || calls > MAX_BURST) {
                throw new IllegalArgumentException("a burst has 1 to " + MAX_BURST + " calls, not " + calls);
            }
            for (int i = 0; i < calls; i++) {
                answer(leaf, firstCall + i, TdxStatus.OPERAND_BUSY.with(operand));
            }
            return this;
        }

        /**
         * Leaves garbage in all registers after a call. The module carries the call out and its status is returned.
         *
         * @param leaf the leaf
         * @param call the ordinal of the call among calls of its leaf, from 1
         * @param seed decides the garbage
         * @return this
         */
        public Builder garbage(SeamcallLeaf leaf, long call, long seed) {
            return add(leaf, call, new Fault(Kind.GARBAGE, seed));
        }

        /**
         * Does not send a call, and says so: {@link dev.pamt.seamcall.SeamcallUnavailableException#notSent}.
         *
         * @param leaf the leaf
         * @param call the ordinal of the call among calls of its leaf, from 1
         * @return this
         */
        public Builder notSent(SeamcallLeaf leaf, long call) {
            return add(leaf, call, new Fault(Kind.NOT_SENT, 0));
        }

        /**
         * Loses a call on its way to the module: {@link dev.pamt.seamcall.SeamcallUnavailableException}, and the module has not
         * seen the call, which the caller cannot know ({@code mayHaveBeenMade()} is true).
         *
         * @param leaf the leaf
         * @param call the ordinal of the call among calls of its leaf, from 1
         * @return this
         */
        public Builder loseBefore(SeamcallLeaf leaf, long call) {
            return add(leaf, call, new Fault(Kind.LOST_BEFORE, 0));
        }

        /**
         * Loses the answer of a call: {@link dev.pamt.seamcall.SeamcallUnavailableException}, and the module has carried the
         * call out. The registers are as they were before the call.
         *
         * @param leaf the leaf
         * @param call the ordinal of the call among calls of its leaf, from 1
         * @return this
         */
        public Builder loseAfter(SeamcallLeaf leaf, long call) {
            return add(leaf, call, new Fault(Kind.LOST_AFTER, 0));
        }

        private Builder add(SeamcallLeaf leaf, long call, Fault fault) {
            Objects.requireNonNull(leaf, "leaf");
            if (call < 1) {
                throw new IllegalArgumentException("calls of a leaf are counted from 1; there is no call " + call);
            }
            if (faults.computeIfAbsent(leaf, any -> new TreeMap<>()).putIfAbsent(call, fault) != null) {
                throw new IllegalArgumentException("call " + call + " of " + leaf + " has a fault already");
            }
            return this;
        }

        /**
         * Builds the plan.
         *
         * @return the plan
         */
        public FaultPlan build() {
            return new FaultPlan(this);
        }
    }
}
