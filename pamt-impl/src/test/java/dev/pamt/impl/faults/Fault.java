package dev.pamt.impl.faults;

import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.List;
import java.util.stream.Stream;

/**
 * One thing that goes wrong, once.
 *
 * @param site where
 * @param status what is answered there; 0 if that is not a status
 * @param times how many calls in succession it hits
 */
record Fault(Site site, long status, int times) {
    /** Where something can go wrong; the k-th call of a scenario that comes by is hit. */
    enum Site {
        PAGE_ALLOCATION,
        CHUNK_ALLOCATION,
        /** The allocator gives a chunk of which the manager knows that it is in use. */
        CHUNK_IN_USE,
        ADD,
        REMOVE,
        DEMOTE,
        PROMOTE,
        /** The backend has lost its module and throws: before an ADD, DEMOTE or PROMOTE has been made, after a REMOVE. */
        ADD_THROWS,
        REMOVE_THROWS,
        DEMOTE_THROWS,
        PROMOTE_THROWS,
        /** The thread is interrupted during a SEAMCALL. */
        INTERRUPT
    }

    private static final List<TdxOperand> TREES = List.of(TdxOperand.SEPT_TREE, TdxOperand.TDR);

    /** Everything that can go wrong, apart from when. */
    static List<Fault> all() {
        return Stream.of(
                        hostFaults(),
                        add(),
                        remove(),
                        demote(),
                        promote(),
                        Stream.of(Site.ADD_THROWS, Site.REMOVE_THROWS, Site.DEMOTE_THROWS, Site.PROMOTE_THROWS)
                                .map(site -> new Fault(site, 0, 1)))
                .flatMap(faults -> faults)
                .toList();
    }

    boolean isBusy() {
        return TdxStatus.OPERAND_BUSY.matches(status);
    }

    /** How many calls of a scenario may fail because of it. */
    int mayRefuse() {
        return switch (site) {
            case INTERRUPT, CHUNK_ALLOCATION, CHUNK_IN_USE -> 0;
            case PAGE_ALLOCATION -> times;
            default -> isBusy() && times == 1 ? 0 : 1;
        };
    }

    private static Stream<Fault> hostFaults() {
        return Stream.of(
                new Fault(Site.PAGE_ALLOCATION, 0, 1),
                new Fault(Site.PAGE_ALLOCATION, 0, 5),
                new Fault(Site.CHUNK_ALLOCATION, 0, 1),
                new Fault(Site.CHUNK_ALLOCATION, 0, 1000),
                new Fault(Site.CHUNK_IN_USE, 0, 1),
                new Fault(Site.INTERRUPT, 0, 1));
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
                        once(Site.REMOVE, TdxStatus.NO_PAMT_PAGE_PAIR.with(TdxOperand.RCX)),
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
                        new Fault(site, TdxStatus.OPERAND_BUSY.with(operand), 1),
                        new Fault(site, TdxStatus.OPERAND_BUSY.with(operand), 2)));
    }

    private static Fault once(Site site, long status) {
        return new Fault(site, status, 1);
    }

    @Override
    public String toString() {
        return site + (status == 0 ? "" : " " + TdxStatus.toString(status)) + (times == 1 ? "" : " x" + times);
    }
}
