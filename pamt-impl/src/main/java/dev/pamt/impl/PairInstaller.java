package dev.pamt.impl;

import dev.pamt.api.AddressOutsideMemoryException;
import dev.pamt.api.CacheExhaustedException;
import dev.pamt.api.DonorRegionException;
import dev.pamt.api.ForeignPagePairException;
import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PamtException;
import dev.pamt.api.RegionMapped2MException;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.api.TooManyUsersException;
import dev.pamt.impl.Transition.Answer;
import dev.pamt.impl.Transition.Leaf;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;

/** Into backed: installs a pair for the first users of a region, in the order that {@link Transition} gives. */
final class PairInstaller {
    /** How many pairs a get offers to the module, if it refuses their pages. */
    private static final int MOST_PAIRS_TRIED = 8;

    private final TransitionLocks locks;
    private final ModuleCalls module;
    private final Processors processors;
    private final Counters counters;
    private final ManagerLifecycle lifecycle;
    private final PairCustody custody;
    private final PairRemover remover;

    PairInstaller(
            TransitionLocks locks,
            ModuleCalls module,
            Processors processors,
            Counters counters,
            ManagerLifecycle lifecycle,
            PairCustody custody,
            PairRemover remover) {
        this.locks = locks;
        this.module = module;
        this.processors = processors;
        this.counters = counters;
        this.lifecycle = lifecycle;
        this.custody = custody;
        this.remover = remover;
    }

    /** How a look at the region under its lock, or an ADD, has ended, when not with an exception. */
    private enum Step {
        /** The users are counted and the region is backed. */
        BACKED,
        /** The manager is being closed, or closed; nothing has changed. */
        CLOSING,
        /** The region is empty, and there was no reason to have a pair ready. */
        PAIR_NEEDED,
        /** The module has refused the pages of the pair, which are set aside. */
        PAIR_REFUSED,
        /** The region is claimed, and the pair is ready. */
        ADD
    }

    /**
     * Takes users for a region that was not backed when its word was asked.
     *
     * @throws PamtException if the region cannot be backed, or has no room for them; no attempt is left in its word
     */
    void install(long hpa, int[] words, int slot, int users, PairSource source) {
        PamtException refusal = null;
        int refused = 0;
        Step step = null;
        try {
            module.refuseReentry("a get of a region that is not backed");
            Region region = new Region(hpa, words, slot);
            if (joins(region, users)) {
                step = Step.BACKED;
            }
            while (step != Step.BACKED) {
                step = null;
                Transition transition = processors.begin(region, hpa);
                drawPair(transition, source, refusal);
                step = attempt(transition, users, source);
                if (step == Step.CLOSING) {
                    lifecycle.requireOpen();
                } else if (step == Step.PAIR_REFUSED) {
                    refusal = transition.shortage;
                    if (++refused == MOST_PAIRS_TRIED) {
                        throw refusal;
                    }
                }
            }
        } finally {
            if (step != Step.BACKED) {
                Region.wipeAttempts(words, slot);
            }
        }
    }

    /**
     * Waits a moment for a transition of the region that is under way. If that leaves the region backed, the users are counted
     * and need neither the lock nor a pair: many threads that touch a region first at once do not go through its lock one by one.
     */
    private static boolean joins(Region region, int users) {
        region.awaitKnown();
        return RegionWord.admits(region.addUsersIfRoom(users), users);
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

    private Step attempt(Transition transition, int users, PairSource source) {
        if (transition.pair != null) {
            transition.claims = RegionWord.EMPTY;
        }
        try {
            locks.lock(transition);
            try {
                Step step = look(transition, users);
                return step == Step.ADD ? add(transition, users) : step;
            } finally {
                locks.unlock(transition);
            }
        } finally {
            custody.takeHome(transition, source);
        }
    }

    /** Looks again under the lock, and counts the users if the region is backed by now. */
    private Step look(Transition transition, int users) {
        Region region = transition.region;
        if (!region.isBacked() && !lifecycle.isOpen()) {
            region.wipeAttempts();
            return Step.CLOSING;
        }
        if (transition.claimed) {
            return Step.ADD;
        }
        remover.settle(transition);
        if (region.isBacked()) {
            if (transition.pair != null) {
                counters.lostRaces.getAndIncrement();
            }
            if (!RegionWord.admits(region.addUsersIfRoom(users), users)) {
                throw new TooManyUsersException(transition.hpa, users);
            }
            return Step.BACKED;
        }
        if (region.state() != RegionWord.EMPTY) {
            throw refusal(region.word(), transition.hpa);
        }
        if (transition.pair == null) {
            if (transition.shortage == null) {
                return Step.PAIR_NEEDED;
            }
            throw transition.shortage;
        }
        transition.claim(RegionWord.EMPTY);
        return Step.ADD;
    }

    private Step add(Transition transition, int users) {
        Region region = transition.region;
        custody.handOver(transition);
        // Commit point: without an answer the region stays unknown.
        transition.nextState = RegionWord.SAME;
        module.make(transition, Leaf.ADD);
        if (transition.answer == Answer.SUCCESS) {
            transition.pair = null;
            transition.nextState = RegionWord.backed(users);
            return Step.BACKED;
        }
        if (transition.answer == Answer.NO_ANSWER) {
            custody.losePairGoingIn(transition, SeamcallLeaf.PHYMEM_PAMT_ADD);
            throw transition.rethrow();
        }
        custody.takeFromRegion(transition);
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
                String.format("of %s to region 0x%x", transition.pair, region.hpa));
        if (custody.setAsideIfAtFault(transition, TdxOperand.RDX, TdxOperand.R8)) {
            transition.shortage = refusal;
            return Step.PAIR_REFUSED;
        }
        throw refusal;
    }

    /** Why a word that is neither backed nor empty admits no user. */
    static PamtException refusal(int word, long hpa) {
        return switch (RegionWord.state(word)) {
            case RegionWord.HUGE -> new RegionMapped2MException(hpa);
            case RegionWord.DONOR -> new DonorRegionException(hpa);
            default -> new AddressOutsideMemoryException(hpa);
        };
    }
}
