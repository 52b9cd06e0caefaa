package dev.pamt.impl.faults;

import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * One thing that goes wrong, once.
 *
 * @param site where
 * @param way how
 * @param status what is answered there; 0 if that is not a status
 * @param times how many calls in succession it hits
 * @param thrown what is thrown; null if nothing is
 */
record Fault(Site site, Way way, long status, int times, Thrown thrown) {
    /** Where something can go wrong; the k-th call of a scenario that comes by is hit. */
    enum Site {
        PAGE_ALLOCATION,
        PAGE_RETURN,
        CHUNK_ALLOCATION,
        CHUNK_RETURN,
        /** The allocator gives a chunk of which the manager knows that it is in use. */
        CHUNK_IN_USE,
        CLEAR_PAGE,
        LOCK_OF,
        TRY_LOCK,
        LOCK,
        UNLOCK,
        ADD,
        REMOVE,
        DEMOTE,
        PROMOTE,
        /** The backend is gone for some calls of the manager, of whatever kind, and then comes back. */
        OUTAGE,
        /** The thread is interrupted during a SEAMCALL. */
        INTERRUPT;

        boolean takesLock() {
            return this == LOCK_OF || this == TRY_LOCK || this == LOCK;
        }

        boolean allocates() {
            return this == PAGE_ALLOCATION || this == CHUNK_ALLOCATION;
        }

        boolean isModuleCall() {
            return this == ADD || this == REMOVE || this == DEMOTE || this == PROMOTE;
        }
    }

    /** How it goes wrong. */
    enum Way {
        /** The call is not carried out, and answered with the status, or with NONE. */
        REFUSES,
        /** The call is carried out and sent again, and what comes back is the answer to the second one. */
        SENDS_AGAIN,
        /** The call is carried out, and its answer names pages that are not the pair's. */
        LIES,
        THROWS_BEFORE,
        THROWS_AFTER
    }

    private static final List<TdxOperand> TREES = List.of(TdxOperand.SEPT_TREE, TdxOperand.TDR);
    private static final List<TdxOperand> LOCKED_BY_TRANSITIONS =
            List.of(TdxOperand.RCX, TdxOperand.RDX, TdxOperand.R8, TdxOperand.R12, TdxOperand.R13);

    /** Every wrong answer, apart from when. */
    static List<Fault> answers() {
        return Stream.of(hostFaults(), add(), remove(), demote(), promote())
                .flatMap(faults -> faults)
                .toList();
    }

    /** Everything that a callback can throw, apart from when. */
    static List<Fault> exceptions() {
        return Arrays.stream(Site.values()).flatMap(Fault::exceptions).toList();
    }

    private static Stream<Fault> exceptions(Site site) {
        return switch (site) {
            case CHUNK_IN_USE, INTERRUPT -> Stream.empty();
            case OUTAGE ->
                Stream.of(2, 5, 1000)
                        .flatMap(calls -> Stream.of(
                                new Fault(site, Way.THROWS_BEFORE, 0, calls, Thrown.UNAVAILABLE),
                                new Fault(site, Way.THROWS_BEFORE, 0, calls, Thrown.NOT_SENT)));
            // A lock that was taken and still threw is one of which the manager cannot know.
            case LOCK_OF, TRY_LOCK, LOCK -> exceptions(site, Way.THROWS_BEFORE);
            case ADD, REMOVE, DEMOTE, PROMOTE ->
                Stream.of(
                                exceptions(site, Way.THROWS_BEFORE),
                                exceptions(site, Way.THROWS_AFTER),
                                Stream.of(
                                        new Fault(site, Way.THROWS_BEFORE, 0, 1, Thrown.UNAVAILABLE),
                                        new Fault(site, Way.THROWS_AFTER, 0, 1, Thrown.UNAVAILABLE),
                                        new Fault(site, Way.THROWS_BEFORE, 0, 1, Thrown.NOT_SENT)))
                        .flatMap(faults -> faults);
            // An unlock that throws before it has done its work: the strategy itself is left with a lock that is taken.
            default -> Stream.concat(exceptions(site, Way.THROWS_BEFORE), exceptions(site, Way.THROWS_AFTER));
        };
    }

    private static Stream<Fault> exceptions(Site site, Way way) {
        return Stream.of(Thrown.RUNTIME_EXCEPTION, Thrown.OUT_OF_MEMORY, Thrown.STACK_OVERFLOW)
                .map(thrown -> new Fault(site, way, 0, 1, thrown));
    }

    /** Whether a status says that a lock is taken which a transition of the manager may hold: such a call is made twice. */
    static boolean isTriedTwice(long status) {
        return TdxStatus.OPERAND_BUSY.matches(status) && LOCKED_BY_TRANSITIONS.contains(TdxStatus.operandOf(status));
    }

    /** Whether a status says that a page of the pair is no good. */
    static boolean blamesPair(Site site, long status) {
        TdxOperand operand = TdxStatus.operandOf(status);
        boolean ofPair = site == Site.ADD
                ? operand == TdxOperand.RDX || operand == TdxOperand.R8
                : operand == TdxOperand.R12 || operand == TdxOperand.R13;
        return ofPair
                && (TdxStatus.PAGE_NOT_FREE.matches(status)
                        || TdxStatus.OPERAND_INVALID.matches(status)
                        || TdxStatus.OPERAND_ADDR_RANGE_ERROR.matches(status));
    }

    /** How many calls of a scenario are refused because of a wrong answer that has hit that many calls, the last in a step. */
    int refusals(int hits, Step step) {
        boolean overcome = isTriedTwice(status) && times == 1;
        return switch (site) {
            case PAGE_ALLOCATION -> hits;
            case ADD -> overcome || blamesPair(site, status) ? 0 : 1;
            case DEMOTE, PROMOTE -> overcome || way == Way.LIES ? 0 : 1;
            case REMOVE -> step == Step.MAP && !overcome && way == Way.REFUSES ? 1 : 0;
            default -> 0;
        };
    }

    private static Stream<Fault> hostFaults() {
        return Stream.of(
                refuses(Site.PAGE_ALLOCATION, 0, 1),
                refuses(Site.PAGE_ALLOCATION, 0, 5),
                refuses(Site.CHUNK_ALLOCATION, 0, 1),
                refuses(Site.CHUNK_ALLOCATION, 0, 1000),
                refuses(Site.CHUNK_IN_USE, 0, 1),
                refuses(Site.INTERRUPT, 0, 1));
    }

    private static Stream<Fault> add() {
        return Stream.concat(
                busy(Site.ADD, TdxOperand.RCX, TdxOperand.RDX, TdxOperand.R8),
                Stream.of(
                        once(Site.ADD, TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX)),
                        once(Site.ADD, TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX)),
                        once(Site.ADD, TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX)),
                        once(Site.ADD, TdxStatus.OPERAND_INVALID.with(TdxOperand.R8)),
                        once(Site.ADD, TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.RCX)),
                        once(Site.ADD, TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.RDX)),
                        once(Site.ADD, TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.R8)),
                        once(Site.ADD, TdxStatus.HPA_RANGE_NOT_FREE.with(TdxOperand.RCX)),
                        once(Site.ADD, TdxStatus.PAGE_NOT_FREE.with(TdxOperand.RDX)),
                        once(Site.ADD, TdxStatus.PAGE_NOT_FREE.with(TdxOperand.R8)),
                        once(Site.ADD, TdxStatus.SYS_NOT_READY.code())));
    }

    private static Stream<Fault> remove() {
        return Stream.concat(
                busy(Site.REMOVE, TdxOperand.RCX),
                Stream.of(
                        once(Site.REMOVE, TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX)),
                        once(Site.REMOVE, TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX)),
                        once(Site.REMOVE, TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.RCX)),
                        new Fault(
                                Site.REMOVE,
                                Way.SENDS_AGAIN,
                                TdxStatus.NO_PAMT_PAGE_PAIR.with(TdxOperand.RCX),
                                1,
                                null),
                        new Fault(Site.REMOVE, Way.LIES, 0, 1, null),
                        once(Site.REMOVE, TdxStatus.PAMT_PAGE_NOT_EMPTY.with(0)),
                        once(Site.REMOVE, TdxStatus.PAMT_PAGE_NOT_EMPTY.with(1)),
                        once(Site.REMOVE, TdxStatus.SYS_NOT_READY.code())));
    }

    private static Stream<Fault> demote() {
        return Stream.of(
                        busy(Site.DEMOTE, TdxOperand.RCX, TdxOperand.R12, TdxOperand.R13),
                        TREES.stream().map(operand -> once(Site.DEMOTE, TdxStatus.OPERAND_BUSY.with(operand))),
                        Stream.of(
                                once(Site.DEMOTE, TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX)),
                                once(Site.DEMOTE, TdxStatus.OPERAND_INVALID.with(TdxOperand.R12)),
                                once(Site.DEMOTE, TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.R12)),
                                once(Site.DEMOTE, TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(TdxOperand.R13)),
                                once(Site.DEMOTE, TdxStatus.PAGE_NOT_FREE.with(TdxOperand.R12)),
                                once(Site.DEMOTE, TdxStatus.PAGE_NOT_FREE.with(TdxOperand.R13)),
                                once(Site.DEMOTE, TdxStatus.MISSING_PAMT_PAGE_PAIR.with(TdxOperand.R8)),
                                once(Site.DEMOTE, TdxStatus.INTERRUPTED_RESTARTABLE.code()),
                                once(Site.DEMOTE, TdxStatus.INTERRUPTED_BUSY.code()),
                                once(Site.DEMOTE, TdxStatus.PREVIOUS_TLB_EPOCH_BUSY.code()),
                                once(Site.DEMOTE, TdxStatus.TLB_TRACKING_NOT_DONE.with(TdxOperand.RCX)),
                                once(Site.DEMOTE, TdxStatus.GPA_RANGE_NOT_BLOCKED.with(TdxOperand.RCX)),
                                once(Site.DEMOTE, TdxStatus.EPT_WALK_FAILED.with(TdxOperand.RCX)),
                                once(Site.DEMOTE, TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX)),
                                once(Site.DEMOTE, TdxStatus.TDCS_NOT_ALLOCATED.code()),
                                once(Site.DEMOTE, TdxStatus.OP_STATE_INCORRECT.with(0))))
                .flatMap(faults -> faults);
    }

    private static Stream<Fault> promote() {
        return Stream.of(
                        busy(Site.PROMOTE, TdxOperand.RCX),
                        TREES.stream().map(operand -> once(Site.PROMOTE, TdxStatus.OPERAND_BUSY.with(operand))),
                        Stream.of(
                                new Fault(Site.PROMOTE, Way.LIES, 0, 1, null),
                                once(Site.PROMOTE, TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX)),
                                once(Site.PROMOTE, TdxStatus.EPT_INVALID_PROMOTE_CONDITIONS.with(TdxOperand.RCX)),
                                once(Site.PROMOTE, TdxStatus.EPT_WALK_FAILED.with(TdxOperand.RCX)),
                                once(Site.PROMOTE, TdxStatus.EPT_ENTRY_STATE_INCORRECT.with(TdxOperand.RCX)),
                                once(Site.PROMOTE, TdxStatus.TLB_TRACKING_NOT_DONE.with(TdxOperand.RCX)),
                                once(Site.PROMOTE, TdxStatus.INTERRUPTED_RESTARTABLE.code()),
                                once(Site.PROMOTE, TdxStatus.OP_STATE_INCORRECT.with(0))))
                .flatMap(faults -> faults);
    }

    /** Busy once, which the manager gets over, and busy at the second try as well. */
    private static Stream<Fault> busy(Site site, TdxOperand... operands) {
        return Stream.of(operands)
                .flatMap(operand -> Stream.of(
                        refuses(site, TdxStatus.OPERAND_BUSY.with(operand), 1),
                        refuses(site, TdxStatus.OPERAND_BUSY.with(operand), 2)));
    }

    private static Fault once(Site site, long status) {
        return refuses(site, status, 1);
    }

    private static Fault refuses(Site site, long status, int times) {
        return new Fault(site, Way.REFUSES, status, times, null);
    }

    @Override
    public String toString() {
        return site + " " + way
                + (thrown == null ? "" : " " + thrown)
                + (status == 0 ? "" : " " + TdxStatus.toString(status))
                + (times == 1 ? "" : " x" + times);
    }
}
