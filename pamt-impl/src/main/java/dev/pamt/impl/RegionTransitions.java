package dev.pamt.impl;

import dev.pamt.api.AddressOutsideMemoryException;
import dev.pamt.api.CacheExhaustedException;
import dev.pamt.api.DonorRegionException;
import dev.pamt.api.ForeignPagePairException;
import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PamtException;
import dev.pamt.api.RegionMapped2MException;
import dev.pamt.api.RegionUnknownException;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.impl.Transition.Answer;
import dev.pamt.impl.Transition.Leaf;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Into backed and out of it: a pair is installed for the first users of a region and taken back after the last.
 *
 * <p>The order within a transition is what makes the contract hold, that a caller that has got a region finds its pair
 * installed:
 *
 * <ul>
 *   <li>Into backed: look again under the lock, ADD, and only then store the users. A getter that saw the old word has
 *       failed and comes for the lock; one that sees the new word comes after the ADD.
 *   <li>Out of backed: compare-and-set from exactly 0 users, and only then REMOVE. A getter that came first makes the
 *       compare-and-set fail; one that comes later fails itself and waits for the lock. A putter that is late (its zero
 *       has been taken back and perhaps reached again by others) finds whatever is true now, and either does the reclaim
 *       that is due or nothing.
 *   <li>In between the region is unknown. It gets a new state from an answer and from nothing else: after an error the one that
 *       it had, after no answer none.
 * </ul>
 *
 * <p><b>What throws.</b> Getting throws, and has then changed nothing but what a call without an answer leaves behind. Reclaiming
 * never throws: its user is gone. Everything that can throw on its way (the choice of a processor, the locks, memory for the
 * transition) lies before the compare-and-set; a region whose reclaim fails there is idle, and is tried again.
 *
 * <p>No host memory is asked for, and no page given back, while a region's lock is held: pairs are taken before and given
 * back after.
 */
final class RegionTransitions {
    private static final Logger LOG = LoggerFactory.getLogger(RegionTransitions.class);

    /** How many pairs a get offers to the module, if it refuses their pages. */
    private static final int MOST_PAIRS_TRIED = 8;

    private final RegionTable table;
    private final TransitionLocks locks;
    private final ModuleCalls module;
    private final Processors processors;
    private final HostPages pages;
    private final Counters counters;
    private final ManagerLifecycle lifecycle;
    private final RetryQueue retries;
    private final RateLimitedLog complaints = new RateLimitedLog(LOG);
    /** Set once, by the constructor of the manager. */
    private PairSupply supply;

    RegionTransitions(
            RegionTable table,
            TransitionLocks locks,
            ModuleCalls module,
            Processors processors,
            HostPages pages,
            Counters counters,
            ManagerLifecycle lifecycle,
            RetryQueue retries) {
        this.table = table;
        this.locks = locks;
        this.module = module;
        this.processors = processors;
        this.pages = pages;
        this.counters = counters;
        this.lifecycle = lifecycle;
        this.retries = retries;
    }

    /** Where pairs that come back go; the supply's chunks are adopted by transitions, so one of the two comes first. */
    void giveBackTo(PairSupply pairs) {
        supply = pairs;
    }

    Transition begin(Region region, long hpa) {
        return new Transition(region, hpa, processors.current());
    }

    /** How a get of a region has ended that was not backed at first, when not with an exception. */
    enum Outcome {
        /** The users are counted and the region is backed. */
        BACKED,
        /** The users are counted but too many; the caller takes them away again. */
        TOO_MANY,
        /** The manager is being closed, or closed; nothing has changed. */
        CLOSING,
        /** The region is empty, and there was no reason to have a pair ready. For the loop inside. */
        PAIR_NEEDED,
        /** The module has refused the pages of the pair, which are set aside. For the loop inside. */
        PAIR_REFUSED
    }

    /**
     * Takes users for a region that was not backed when they were added to its word.
     *
     * @throws PamtException if the region cannot be backed; the attempt is still in its word, for the caller to wipe
     */
    Outcome install(Region region, long hpa, int users, PairSource source) {
        module.refuseReentry("a get of a region that is not backed");
        PamtException refusal = null;
        int refused = 0;
        Outcome outcome = Outcome.PAIR_NEEDED;
        while (outcome == Outcome.PAIR_NEEDED || outcome == Outcome.PAIR_REFUSED) {
            Transition transition = begin(region, hpa);
            drawPair(transition, source, refusal);
            outcome = attempt(transition, users, source);
            if (outcome == Outcome.PAIR_REFUSED) {
                refusal = transition.shortage;
                if (++refused == MOST_PAIRS_TRIED) {
                    throw refusal;
                }
            }
        }
        return outcome;
    }

    /**
     * Takes a pair if it looks as if one were needed. That there is none may turn out not to matter.
     *
     * @param refusal why the pair before was refused, which says more than that there is no other; null if there was none
     */
    private void drawPair(Transition transition, PairSource source, PamtException refusal) {
        int state = transition.region.state();
        if (!lifecycle.isOpen() || (state != RegionWord.EMPTY && state != RegionWord.UNKNOWN)) {
            return;
        }
        if (!module.isReachable(transition)) {
            throw transition.rethrow();
        }
        try {
            transition.pair = source.take(transition.hpa);
        } catch (OutOfPagesException | CacheExhaustedException | ManagerClosedException none) {
            transition.shortage = refusal != null ? refusal : none;
        }
    }

    private Outcome attempt(Transition transition, int users, PairSource source) {
        if (transition.pair != null) {
            transition.claims = RegionWord.EMPTY;
        }
        try {
            locks.lock(transition);
            try {
                return installLocked(transition, users);
            } finally {
                locks.unlock(transition);
            }
        } finally {
            takeHome(transition, source);
        }
    }

    private Outcome installLocked(Transition transition, int users) {
        Region region = transition.region;
        if (region.isEdge() && !table.isRam(transition.hpa, users)) {
            throw new AddressOutsideMemoryException(transition.hpa);
        }
        if (!region.isBacked() && !lifecycle.isOpen()) {
            region.wipeAttempts();
            return Outcome.CLOSING;
        }
        if (transition.claimed) {
            return add(transition, users);
        }
        settle(transition);
        if (region.isBacked()) {
            if (transition.pair != null) {
                counters.lostRaces.getAndIncrement();
            }
            int before = region.addUsers(users);
            return RegionWord.users(before) + users <= RegionWord.MAX_USERS ? Outcome.BACKED : Outcome.TOO_MANY;
        }
        if (region.state() != RegionWord.EMPTY) {
            throw refusal(region.word(), transition.hpa);
        }
        if (transition.pair == null) {
            if (transition.shortage == null) {
                return Outcome.PAIR_NEEDED;
            }
            throw transition.shortage;
        }
        transition.claim(RegionWord.EMPTY);
        return add(transition, users);
    }

    private Outcome add(Transition transition, int users) {
        Region region = transition.region;
        supply.hold(region, transition.pair);
        // Commit point: without an answer the region stays unknown.
        transition.nextState = RegionWord.SAME;
        module.make(transition, Leaf.ADD);
        if (transition.answer == Answer.SUCCESS) {
            transition.pair = null;
            transition.nextState = RegionWord.backed(users);
            return Outcome.BACKED;
        }
        if (transition.answer == Answer.NO_ANSWER) {
            losePairGoingIn(transition, SeamcallLeaf.PHYMEM_PAMT_ADD);
            throw transition.rethrow();
        }
        takeFromRegion(transition);
        transition.nextState = RegionWord.EMPTY;
        if (transition.answer == Answer.NOT_SENT) {
            throw transition.rethrow();
        }
        counters.addFailures.getAndIncrement();
        if (transition.answered(TdxStatus.HPA_RANGE_NOT_FREE)) {
            throw new ForeignPagePairException(transition.hpa);
        }
        SeamcallFailedException refusal = new SeamcallFailedException(
                SeamcallLeaf.PHYMEM_PAMT_ADD,
                transition.status,
                "of " + transition.pair + " to region " + hex(region.hpa));
        if (setAsideIfAtFault(transition, TdxOperand.RDX, TdxOperand.R8)) {
            transition.shortage = refusal;
            return Outcome.PAIR_REFUSED;
        }
        throw refusal;
    }

    /** A pair that was to be installed is the transition's again. */
    void takeFromRegion(Transition transition) {
        PagePair pair = transition.pair;
        supply.takeBack(transition, pair.page0Hpa(), pair.page1Hpa());
    }

    /** Gives up a pair that was on its way in; the region stays unknown. */
    void losePairGoingIn(Transition transition, SeamcallLeaf leaf) {
        transition.pair = null;
        supply.lose(transition.region);
        counters.pairLostGoingIn();
        complaints.warn(
                "region 0x%x: its pair is lost, because there was no answer to %s", transition.region.hpa, leaf);
        retries.failed(transition.region.hpa);
    }

    /** Keeps a pair out of circulation if the module has named one of its pages as the reason for its refusal. */
    boolean setAsideIfAtFault(Transition transition, TdxOperand page0, TdxOperand page1) {
        TdxOperand named = TdxStatus.operandOf(transition.status);
        boolean atFault = (named == page0 || named == page1)
                && (transition.answered(TdxStatus.PAGE_NOT_FREE)
                        || transition.answered(TdxStatus.OPERAND_INVALID)
                        || transition.answered(TdxStatus.OPERAND_ADDR_RANGE_ERROR));
        if (!atFault || !supply.setAside(transition.pair)) {
            return false;
        }
        complaints.warn(
                "region 0x%x: the module refuses a page of its pair, which is set aside: %s",
                transition.region.hpa, transition.pair);
        transition.pair = null;
        return true;
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
                transition = begin(new Region(hpa, words, slot), hpa);
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
            takeHome(transition, supply);
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
                judge(transition, transition.regs.rdx, transition.regs.r8, SeamcallLeaf.PHYMEM_PAMT_REMOVE);
                transition.nextState = RegionWord.EMPTY;
            }
            case NO_ANSWER -> losePairInside(transition, "no answer to REMOVE");
            case NOT_SENT -> stayIdle(transition);
            default -> {
                if (transition.answered(TdxStatus.NO_PAMT_PAGE_PAIR)) {
                    losePairInside(transition, "the module says that it holds none");
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
        if (transition.claimed || supply.holdsAny(transition.region)) {
            transition.nextState = RegionWord.IDLE;
        }
    }

    /** Gives up the pair that a region holds, as far as is known. Never throws. */
    void losePairInside(Transition transition, String why) {
        if (supply.lose(transition.region)) {
            counters.pairsLostInstalled(1);
            complaints.warn("region 0x%x: its pair is lost: %s", transition.region.hpa, why);
        }
    }

    /**
     * Compares the pages that a call has given back with those that the region held, under its lock. If they are the same they
     * are the transition's, otherwise nothing of the answer is used and the pair is lost. Never throws.
     */
    void judge(Transition transition, long page0Hpa, long page1Hpa, SeamcallLeaf leaf) {
        Region region = transition.region;
        if (supply.takeBack(transition, page0Hpa, page1Hpa)) {
            transition.page0Hpa = page0Hpa;
            transition.page1Hpa = page1Hpa;
            transition.pairCameBack = true;
            counters.pairCameOut();
        } else if (supply.lose(region)) {
            counters.pairCameOut();
            counters.pairLostComingOut();
            complaints.warn(
                    "region 0x%x: %s gave back pages that the region did not hold; they are not used, and the pair of the"
                            + " region is lost",
                    region.hpa, leaf);
        } else {
            counters.callWithoutPairEnded();
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
                    SeamcallLeaf.PHYMEM_PAMT_REMOVE, transition.status, "of idle region " + hex(region.hpa));
        }
        throw transition.rethrow();
    }

    /** Ends a transition after its locks are given back: no pair stays in its hands. Never throws. */
    void takeHome(Transition transition, PairHome home) {
        PagePair unused = transition.pair;
        if (unused != null) {
            transition.pair = null;
            home.giveBack(unused);
        }
        if (transition.pairCameBack) {
            transition.pairCameBack = false;
            scrubAndGiveBack(transition);
        }
    }

    private void scrubAndGiveBack(Transition transition) {
        boolean scrubbed = pages.scrub(transition.page0Hpa) && pages.scrub(transition.page1Hpa);
        if (scrubbed) {
            supply.giveBack(transition.page0Hpa, transition.page1Hpa, transition.cameFromChunk, transition.region.hpa);
        } else {
            counters.pairLostComingOut();
            supply.losePair(transition.page0Hpa, transition.cameFromChunk);
        }
    }

    /**
     * Takes a region out of backed whose pair cannot come back, for a close; it still holds the pair. Never throws.
     *
     * @return whether it had no users; if its lock cannot be taken it may have some
     */
    boolean abandon(Region region) {
        try {
            Transition transition = begin(region, region.hpa);
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
            Transition transition = begin(region, region.hpa);
            locks.lock(transition);
            try {
                if (region.state() == RegionWord.UNKNOWN && supply.holdsAny(region)) {
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
            Transition transition = begin(region, region.hpa);
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

    /** Why a word that is neither backed nor empty admits no user. */
    static PamtException refusal(int word, long hpa) {
        return switch (RegionWord.state(word)) {
            case RegionWord.HUGE -> new RegionMapped2MException(hpa);
            case RegionWord.DONOR -> new DonorRegionException(hpa);
            default -> new AddressOutsideMemoryException(hpa);
        };
    }

    private static String hex(long hpa) {
        return "0x" + Long.toHexString(hpa);
    }
}
