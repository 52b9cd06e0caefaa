package dev.pamt.impl;

import dev.pamt.api.ReentrantCallException;
import dev.pamt.impl.Transition.Answer;
import dev.pamt.impl.Transition.Leaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.EnumSet;
import java.util.Set;

/**
 * The SEAMCALLs of transitions, behind the BUSY gate. A call never throws: how it has ended stands in the transition.
 *
 * <p>The locks of a manager keep its own transitions apart, so BUSY can only come from outside: another user of the
 * module, a DEMOTE that is made past the manager, an auditor. A call that is busy on an operand of PAMT entries is made a
 * second time with the gate closed, when no other transition of this manager is inside the module; if that is busy as well
 * it is the answer. There is no loop, because a loop on BUSY has no bound. BUSY of any other operand, such as a TD's tree, is
 * the answer at once: no transition of this manager can hold it.
 *
 * <p>A backend that has thrown {@link SeamcallUnavailableException} is taken for gone until it answers a probe: an ADD whose pages
 * are misaligned, which TDH.PHYMEM.PAMT.ADD refuses before it looks at anything else. So no pair is drawn for a module that
 * cannot take it.
 */
final class ModuleCalls {
    /** The operands that an ADD, REMOVE, DEMOTE or PROMOTE names when an entry of the PAMT is held. */
    private static final Set<TdxOperand> PAMT_OPERANDS =
            EnumSet.of(TdxOperand.RCX, TdxOperand.RDX, TdxOperand.R8, TdxOperand.R12, TdxOperand.R13);

    private static final long NO_PAGE = 1;

    private final Counters counters;
    private final CallGate gate = new CallGate();
    private volatile boolean gone;

    ModuleCalls(Counters counters) {
        this.counters = counters;
    }

    /** Throws if the calling thread is inside a call: it holds the lock of a region. */
    void refuseReentry(String call) {
        if (gate.isInside()) {
            throw new ReentrantCallException(call);
        }
    }

    boolean isInsideCall() {
        return gate.isInside();
    }

    /** Whether the module answers, as far as is known; asks it if the last call has found it gone. */
    boolean isReachable(Transition transition) {
        if (!gone) {
            return true;
        }
        make(transition, Leaf.PROBE);
        return transition.answer == Answer.SUCCESS || transition.answer == Answer.ERROR;
    }

    /** Makes a call, and counts it; whether a pair has come out is the caller's to count, who knows what the region held. */
    void make(Transition transition, Leaf leaf) {
        transition.answer = Answer.NOT_SENT;
        transition.failure = null;
        try {
            int place = gate.enter();
            try {
                call(transition, leaf);
            } finally {
                gate.leave(place);
            }
            if (isBusy(transition)) {
                counters.busy.getAndIncrement();
                gate.alone(() -> {
                    call(transition, leaf);
                    return null;
                });
                if (isBusy(transition)) {
                    counters.busyAgain.getAndIncrement();
                }
            }
        } catch (Throwable failure) {
            fail(transition, failure);
        }
        count(transition, leaf);
    }

    private static void call(Transition transition, Leaf leaf) {
        transition.answer = Answer.NO_ANSWER;
        long regionHpa = transition.region.hpa;
        PagePair pair = transition.pair;
        long status =
                switch (leaf) {
                    case ADD ->
                        transition.seamcalls.pamtAdd(transition.regs, regionHpa, pair.page0Hpa(), pair.page1Hpa());
                    case REMOVE -> transition.seamcalls.pamtRemove(transition.regs, regionHpa);
                    case DEMOTE -> transition.demoteCall.demote(donating(transition.regs, pair));
                    case PROMOTE -> transition.promoteCall.promote(transition.regs.clear());
                    case PROBE -> transition.seamcalls.pamtAdd(transition.regs, regionHpa, NO_PAGE, NO_PAGE);
                };
        transition.status = status;
        transition.answer = TdxStatus.isError(status) ? Answer.ERROR : Answer.SUCCESS;
    }

    private static SeamcallRegisters donating(SeamcallRegisters regs, PagePair pair) {
        regs.clear();
        regs.r12 = pair.page0Hpa();
        regs.r13 = pair.page1Hpa();
        return regs;
    }

    /** An answer that was there before stays the answer: a second try that was not sent leaves the first one's BUSY. */
    private void fail(Transition transition, Throwable failure) {
        if (failure instanceof SeamcallUnavailableException unavailable) {
            gone = true;
            if (!unavailable.mayHaveBeenMade()) {
                transition.answer = Answer.NOT_SENT;
            }
        }
        transition.failure = failure;
    }

    private void count(Transition transition, Leaf leaf) {
        if (transition.answer == Answer.SUCCESS || transition.answer == Answer.ERROR) {
            if (gone) {
                gone = false;
            }
        }
        if (leaf == Leaf.PROBE) {
            return;
        }
        transition.called = true;
        if (transition.answer != Answer.SUCCESS) {
            counters.callWithoutPairEnded();
        } else if (leaf == Leaf.ADD || leaf == Leaf.DEMOTE) {
            counters.pairWentIn();
        }
    }

    private static boolean isBusy(Transition transition) {
        return transition.answered(TdxStatus.OPERAND_BUSY)
                && PAMT_OPERANDS.contains(TdxStatus.operandOf(transition.status));
    }
}
