package dev.pamt.impl;

import dev.pamt.api.RegionUnknownException;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.impl.Transition.Answer;
import dev.pamt.impl.Transition.Leaf;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxStatus;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Out of backed: takes the pair of a region back that has no users, in the order that {@link Transition} gives. */
final class PairRemover {
    private static final Logger LOG = LoggerFactory.getLogger(PairRemover.class);

    private final RegionTable table;
    private final TransitionLocks locks;
    private final ModuleCalls module;
    private final Processors processors;
    private final Counters counters;
    private final ManagerLifecycle lifecycle;
    private final RetryQueue retries;
    private final PairCustody custody;
    private final RateLimitedLog complaints = new RateLimitedLog(LOG);

    PairRemover(
            RegionTable table,
            TransitionLocks locks,
            ModuleCalls module,
            Processors processors,
            Counters counters,
            ManagerLifecycle lifecycle,
            RetryQueue retries,
            PairCustody custody) {
        this.table = table;
        this.locks = locks;
        this.module = module;
        this.processors = processors;
        this.counters = counters;
        this.lifecycle = lifecycle;
        this.retries = retries;
        this.custody = custody;
    }

    /** How a reclaim has ended. */
    enum Reclaim {
        /** The region is empty; its pair has come back. */
        EMPTIED,
        /** The region is empty, and no pair has come back. */
        LOST,
        /** The region is idle, because the module is out of reach; only at last. */
        OUT_OF_REACH,
        /** The region was not idle. */
        NOT_IDLE,
        /** The region is idle or unknown, and is tried again. */
        FAILED
    }

    /** Takes the pair of a region back if it is backed and has no users; settles it if it is unknown. Never throws. */
    Reclaim reclaim(long hpa) {
        return reclaim(hpa, table.words(hpa), RegionTable.slot(hpa));
    }

    Reclaim reclaim(long hpa, int[] words, int slot) {
        return reclaim(hpa, words, slot, false);
    }

    /** As {@link #reclaim(long)}, for a close: whether the module is out of reach makes a difference there. */
    Reclaim reclaimAtLast(long hpa) {
        return reclaim(hpa, table.words(hpa), RegionTable.slot(hpa), true);
    }

    private Reclaim reclaim(long hpa, int[] words, int slot, boolean atLast) {
        Transition transition = null;
        Reclaim result = Reclaim.FAILED;
        try {
            if (!module.isInsideCall()) {
                transition = processors.begin(new Region(hpa, words, slot), hpa);
                if (module.isReachable(transition) || atLast) {
                    result = reclaim(transition, atLast);
                }
            }
        } catch (Throwable failure) {
            result = Reclaim.FAILED;
            complaints.warn("region 0x%x: its pair could not be taken back, and is tried again: %s", hpa, failure);
        }
        if (result == Reclaim.FAILED || result == Reclaim.OUT_OF_REACH) {
            retries.failed(hpa & -RegionTable.REGION_BYTES, transition == null ? 0 : transition.failures);
        }
        return result;
    }

    private Reclaim reclaim(Transition transition, boolean atLast) {
        Region region = transition.region;
        transition.failures = retries.take(region.hpa);
        transition.claims = RegionWord.IDLE;
        try {
            locks.lock(transition);
            try {
                // The module of a closed manager may have another one by now.
                if (lifecycle.isClosed() || !(transition.claimed || region.state() == RegionWord.UNKNOWN)) {
                    return Reclaim.NOT_IDLE;
                }
                takePairOut(transition);
                if (transition.nextState == RegionWord.EMPTY) {
                    return transition.pairCameBack ? Reclaim.EMPTIED : Reclaim.LOST;
                }
                return atLast && transition.answer == Answer.NOT_SENT ? Reclaim.OUT_OF_REACH : Reclaim.FAILED;
            } finally {
                locks.unlock(transition);
            }
        } finally {
            custody.takeHome(transition);
        }
    }

    /**
     * REMOVE of a region whose word says UNKNOWN, under its lock. Never throws; how it has ended stands in the transition, and so
     * does the next state of the region, which is
     *
     * <ul>
     *   <li>empty after a success, whatever pages the module names, and after TDX_NO_PAMT_PAGE_PAIR: what the module says of
     *       itself is believed;
     *   <li>idle after another error, or if the call was not sent, if it is known to hold a pair;
     *   <li>unknown after no answer, and otherwise.
     * </ul>
     */
    private void takePairOut(Transition transition) {
        Region region = transition.region;
        // Commit point: without an answer the region stays unknown.
        transition.nextState = RegionWord.SAME;
        module.make(transition, Leaf.REMOVE);
        switch (transition.answer) {
            case SUCCESS -> {
                custody.judge(transition, transition.regs.rdx, transition.regs.r8, SeamcallLeaf.PHYMEM_PAMT_REMOVE);
                transition.nextState = RegionWord.EMPTY;
            }
            case NO_ANSWER -> custody.losePairInside(transition, "no answer to REMOVE");
            case NOT_SENT -> stayIdle(transition);
            default -> {
                if (transition.answered(TdxStatus.NO_PAMT_PAGE_PAIR)) {
                    custody.losePairInside(transition, "the module says that it holds none");
                    transition.nextState = RegionWord.EMPTY;
                } else {
                    counters.removeFailures.getAndIncrement();
                    complaints.warnOfStatus(
                            "REMOVE of region 0x%x answered %s; it is tried again", region.hpa, transition.status);
                    stayIdle(transition);
                }
            }
        }
    }

    /** Has a region idle that still holds its pair; one that was unknown before may hold one, if an Error has left it so. */
    private void stayIdle(Transition transition) {
        if (transition.claimed || custody.holdsAny(transition.region)) {
            transition.nextState = RegionWord.IDLE;
        }
    }

    /** Finds out by a REMOVE whether a region holds a pair that is unknown, under its lock; it is empty then. */
    void settle(Transition transition) {
        if (transition.region.state() != RegionWord.UNKNOWN) {
            return;
        }
        takePairOut(transition);
        transition.changeState();
        Answer answer = transition.answer;
        if (transition.region.state() == RegionWord.EMPTY) {
            retries.forget(transition.region.hpa);
        } else if (transition.region.isBacked()) {
            // It holds a pair after all: an Error had left it unknown.
            return;
        } else if (answer == Answer.ERROR) {
            throw new RegionUnknownException(transition.hpa, transition.status);
        } else {
            throw transition.rethrow();
        }
    }

    /**
     * Takes the pair of an idle region out, under its lock; nothing happens if it is not idle.
     *
     * @throws SeamcallFailedException if the module refuses; the region is idle as before
     */
    void emptyIfIdle(Transition transition) {
        Region region = transition.region;
        transition.claim(RegionWord.IDLE);
        if (!transition.claimed) {
            return;
        }
        takePairOut(transition);
        transition.changeState();
        if (region.state() == RegionWord.EMPTY) {
            retries.forget(region.hpa);
            return;
        }
        retries.failed(region.hpa);
        if (transition.answer == Answer.ERROR) {
            throw new SeamcallFailedException(
                    SeamcallLeaf.PHYMEM_PAMT_REMOVE,
                    transition.status,
                    String.format("of idle region 0x%x", region.hpa));
        }
        throw transition.rethrow();
    }

    /**
     * Takes a region out of backed whose pair cannot come back, for a close; it still holds the pair. Never throws.
     *
     * @return whether it had no users; if its lock cannot be taken it may have some
     */
    boolean abandon(Region region) {
        try {
            Transition transition = processors.begin(region, region.hpa);
            locks.lock(transition);
            try {
                return region.claim(RegionWord.IDLE) || !region.isBacked();
            } finally {
                locks.unlock(transition);
            }
        } catch (Throwable failure) {
            complaints.warn("region 0x%x cannot be given up: %s", region.hpa, failure);
            return false;
        }
    }

    /** Has a region idle again that was abandoned, if it still holds its pair. Never throws. */
    void resume(Region region) {
        try {
            Transition transition = processors.begin(region, region.hpa);
            locks.lock(transition);
            try {
                if (region.state() == RegionWord.UNKNOWN && custody.holdsAny(region)) {
                    region.setState(RegionWord.IDLE);
                }
            } finally {
                locks.unlock(transition);
            }
        } catch (Throwable failure) {
            complaints.warn("region 0x%x stays unknown until it is tried again: %s", region.hpa, failure);
        }
        retries.failed(region.hpa);
    }

    /**
     * Returns the word of a region when no transition of it is under way, and none that began before can still come. A region
     * whose lock cannot be taken is idle to the caller: it may be in use. Never throws.
     */
    int settledWord(Region region) {
        try {
            Transition transition = processors.begin(region, region.hpa);
            locks.lock(transition);
            try {
                return region.word();
            } finally {
                locks.unlock(transition);
            }
        } catch (Throwable failure) {
            complaints.warn("region 0x%x: its lock could not be taken: %s", region.hpa, failure);
            return RegionWord.IDLE;
        }
    }
}
