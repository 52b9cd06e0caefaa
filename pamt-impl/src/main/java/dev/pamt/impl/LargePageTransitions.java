package dev.pamt.impl;

import dev.pamt.api.AddressOutsideMemoryException;
import dev.pamt.api.PamtManager.DemoteCall;
import dev.pamt.api.PamtManager.PromoteCall;
import dev.pamt.api.RegionInUseException;
import dev.pamt.api.RegionNotMapped2MException;
import dev.pamt.impl.Transition.Answer;
import dev.pamt.impl.Transition.Leaf;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxOperand;

/**
 * Regions that are mapped as one 2M page and have no pair: into that state, out of it, and the split and the merge, whose calls
 * are the caller's.
 *
 * <p>All of them throw, and have then changed nothing but what a call without an answer leaves behind: an unknown region.
 */
final class LargePageTransitions {
    private final RegionTable table;
    private final TransitionLocks locks;
    private final ModuleCalls module;
    private final Processors processors;
    private final Counters counters;
    private final ManagerLifecycle lifecycle;
    private final RetryQueue retries;
    private final PairCustody custody;
    private final PairRemover remover;

    LargePageTransitions(
            RegionTable table,
            TransitionLocks locks,
            ModuleCalls module,
            Processors processors,
            Counters counters,
            ManagerLifecycle lifecycle,
            RetryQueue retries,
            PairCustody custody,
            PairRemover remover) {
        this.table = table;
        this.locks = locks;
        this.module = module;
        this.processors = processors;
        this.counters = counters;
        this.lifecycle = lifecycle;
        this.retries = retries;
        this.custody = custody;
        this.remover = remover;
    }

    /** What is done under the lock of a region, unless a close has got there first. */
    private interface Step {
        long run(Transition transition);
    }

    /** Runs a step under the locks of a transition, and again after a close that has left the manager open. */
    private long locked(String call, long hpa, PairSource source, Step step) {
        module.refuseReentry(call);
        Region region = table.region(hpa);
        while (true) {
            lifecycle.requireOpen();
            Transition transition = processors.begin(region, hpa);
            if (source != null) {
                requireMapped2M(region);
                transition.pair = source.take(hpa);
            } else if (Reclaimer.needsReclaim(region.word()) && !module.isReachable(transition)) {
                throw transition.rethrow();
            }
            try {
                locks.lock(transition);
                try {
                    if (lifecycle.isOpen()) {
                        return step.run(transition);
                    }
                } finally {
                    locks.unlock(transition);
                }
            } finally {
                custody.takeHome(transition, source);
            }
        }
    }

    void map2M(long hpa) {
        locked("map2M", hpa, null, transition -> {
            Region region = transition.region;
            if (!table.isRam(hpa, RegionWord.MAX_USERS)) {
                throw new AddressOutsideMemoryException(hpa);
            }
            remover.settle(transition);
            remover.emptyIfIdle(transition);
            int word = region.word();
            if (RegionWord.isBacked(word)) {
                throw new RegionInUseException(
                        hpa, RegionWord.describe(word), "it can be mapped as one 2M page only without 4K users");
            }
            if (RegionWord.state(word) != RegionWord.EMPTY) {
                throw PairInstaller.refusal(word, hpa);
            }
            region.setState(RegionWord.HUGE);
            return 0;
        });
    }

    void unmap2M(long hpa) {
        locked("unmap2M", hpa, null, transition -> {
            requireMapped2M(transition.region);
            transition.region.setState(RegionWord.EMPTY);
            return 0;
        });
    }

    long demote2M(long hpa, PairSource source, DemoteCall call) {
        return locked("demote2M", hpa, source, transition -> {
            requireMapped2M(transition.region);
            transition.demoteCall = call;
            return demote(transition);
        });
    }

    private long demote(Transition transition) {
        Region region = transition.region;
        custody.handOver(transition);
        region.setState(RegionWord.UNKNOWN);
        // Commit point: without an answer the region stays unknown.
        module.make(transition, Leaf.DEMOTE);
        if (transition.answer == Answer.SUCCESS) {
            transition.pair = null;
            counters.demotes.getAndIncrement();
            region.setState(RegionWord.backed(RegionWord.MAX_USERS));
            return transition.status;
        }
        if (transition.answer == Answer.NO_ANSWER) {
            custody.losePairGoingIn(transition, SeamcallLeaf.MEM_PAGE_DEMOTE);
            throw transition.rethrow();
        }
        custody.takeFromRegion(transition);
        region.setState(RegionWord.HUGE);
        if (transition.answer == Answer.NOT_SENT) {
            throw transition.rethrow();
        }
        custody.setAsideIfAtFault(transition, TdxOperand.R12, TdxOperand.R13);
        return transition.status;
    }

    long promote2M(long hpa, PromoteCall call) {
        return locked("promote2M", hpa, null, transition -> {
            if (!transition.region.leaveBacked(RegionWord.MAX_USERS, RegionWord.UNKNOWN)) {
                throw new RegionInUseException(
                        hpa,
                        transition.region.describe(),
                        "it can be merged into one 2M page only with exactly 512 users");
            }
            // Commit point: without an answer the region stays unknown.
            transition.promoteCall = call;
            return promote(transition);
        });
    }

    private long promote(Transition transition) {
        Region region = transition.region;
        module.make(transition, Leaf.PROMOTE);
        switch (transition.answer) {
            case SUCCESS -> {
                custody.judge(transition, transition.regs.r12, transition.regs.r13, SeamcallLeaf.MEM_PAGE_PROMOTE);
                counters.promotes.getAndIncrement();
                region.setState(RegionWord.HUGE);
            }
            case NO_ANSWER -> {
                custody.losePairInside(transition, "no answer to PROMOTE");
                retries.failed(region.hpa);
                throw transition.rethrow();
            }
            case NOT_SENT -> {
                region.setState(RegionWord.backed(RegionWord.MAX_USERS));
                throw transition.rethrow();
            }
            default -> region.setState(RegionWord.backed(RegionWord.MAX_USERS));
        }
        return transition.status;
    }

    private static void requireMapped2M(Region region) {
        int word = region.word();
        if (RegionWord.state(word) != RegionWord.HUGE) {
            throw new RegionNotMapped2MException(region.hpa, RegionWord.describe(word));
        }
    }
}
