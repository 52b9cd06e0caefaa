package dev.pamt.impl;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What becomes of the pair that a transition hands to the module, or gets back from it. A pair has one owner at each step: the
 * transition, the region, the pool, or none, if it is lost.
 *
 * <p>Called under the lock of the region, but for {@link #takeHome}. Nothing here throws but {@link #handOver}, for want of
 * memory.
 */
final class PairCustody {
    private static final Logger LOG = LoggerFactory.getLogger(PairCustody.class);

    private final PairRecords records;
    private final PairPool pool;
    private final HostPages pages;
    private final Counters counters;
    private final RetryQueue retries;
    private final RateLimitedLog complaints = new RateLimitedLog(LOG);

    PairCustody(PairRecords records, PairPool pool, HostPages pages, Counters counters, RetryQueue retries) {
        this.records = records;
        this.pool = pool;
        this.pages = pages;
        this.counters = counters;
        this.retries = retries;
    }

    /** Whether a region holds a pair, as far as is known. */
    boolean holdsAny(Region region) {
        return records.holdsAny(region);
    }

    /** Notes that the region is given the transition's pair, before the module is called. */
    void handOver(Transition transition) {
        records.hold(transition.region, transition.pair);
    }

    /** A pair that was to be installed is the transition's again. */
    void takeFromRegion(Transition transition) {
        PagePair pair = transition.pair;
        records.takeBack(transition, pair.page0Hpa(), pair.page1Hpa());
    }

    /** Gives up a pair that was on its way in; the region stays unknown. */
    void losePairGoingIn(Transition transition, SeamcallLeaf leaf) {
        transition.pair = null;
        records.lose(transition.region);
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
        if (!atFault || !pool.setAside(transition.pair)) {
            return false;
        }
        complaints.warn(
                "region 0x%x: the module refuses a page of its pair, which is set aside: %s",
                transition.region.hpa, transition.pair);
        transition.pair = null;
        return true;
    }

    /** Gives up the pair that a region holds, as far as is known. */
    void losePairInside(Transition transition, String why) {
        if (records.lose(transition.region)) {
            counters.pairsLostInstalled(1);
            complaints.warn("region 0x%x: its pair is lost: %s", transition.region.hpa, why);
        }
    }

    /**
     * Compares the pages that a call has given back with those that the region held, under its lock. If they are the same they
     * are the transition's, otherwise nothing of the answer is used and the pair is lost.
     */
    void judge(Transition transition, long page0Hpa, long page1Hpa, SeamcallLeaf leaf) {
        Region region = transition.region;
        if (records.takeBack(transition, page0Hpa, page1Hpa)) {
            transition.page0Hpa = page0Hpa;
            transition.page1Hpa = page1Hpa;
            transition.pairCameBack = true;
            counters.pairCameOut();
        } else if (records.lose(region)) {
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

    /**
     * Ends a transition after its locks are given back: no pair stays in its hands.
     *
     * @param home where a pair goes that the transition has drawn and not used; null if it draws none
     */
    void takeHome(Transition transition, PairHome home) {
        PagePair unused = transition.pair;
        if (unused != null) {
            transition.pair = null;
            home.giveBack(unused);
        }
        takeHome(transition);
    }

    /** As {@link #takeHome(Transition, PairHome)}, for a transition that draws no pair. */
    void takeHome(Transition transition) {
        if (transition.pairCameBack) {
            transition.pairCameBack = false;
            scrubAndGiveBack(transition);
        }
    }

    private void scrubAndGiveBack(Transition transition) {
        boolean scrubbed = pages.scrub(transition.page0Hpa) && pages.scrub(transition.page1Hpa);
        if (scrubbed) {
            pool.giveBack(transition.page0Hpa, transition.page1Hpa, transition.cameFromChunk, transition.region.hpa);
        } else {
            counters.pairLostComingOut();
            records.losePair(transition.page0Hpa, transition.cameFromChunk);
        }
    }
}
