package dev.pamt.impl;

import dev.pamt.impl.PairSupply.Adoption;

/** The regions of donor chunks: their words, which say DONOR for as long as the supply has the chunk. */
final class DonorRegions implements PairSupply.DonorRegions {
    private final RegionTable table;
    private final RegionTransitions transitions;
    private final TransitionLocks locks;
    private final ModuleCalls module;
    private final HostPages pages;

    DonorRegions(
            RegionTable table,
            RegionTransitions transitions,
            TransitionLocks locks,
            ModuleCalls module,
            HostPages pages) {
        this.table = table;
        this.transitions = transitions;
        this.locks = locks;
        this.module = module;
        this.pages = pages;
    }

    @Override
    public Adoption adopt(long chunkHpa) {
        Region region = table.region(chunkHpa);
        if (Reclaimer.needsReclaim(region.word())) {
            // The pair that the region still has comes home first.
            transitions.reclaim(chunkHpa);
        }
        Transition transition = transitions.begin(region, chunkHpa);
        locks.lock(transition);
        try {
            if (region.state() == RegionWord.DONOR) {
                return Adoption.DONOR_ALREADY;
            }
            if (region.state() != RegionWord.EMPTY || region.isEdge()) {
                return Adoption.IN_USE;
            }
            region.setState(RegionWord.DONOR);
            return Adoption.ADOPTED;
        } finally {
            locks.unlock(transition);
        }
    }

    @Override
    public boolean release(long chunkHpa) {
        try {
            Region region = table.region(chunkHpa);
            Transition transition = transitions.begin(region, chunkHpa);
            locks.lock(transition);
            region.setState(RegionWord.EMPTY);
            locks.unlock(transition);
            return true;
        } catch (Throwable failure) {
            pages.keepChunk(chunkHpa, failure);
            return false;
        }
    }

    @Override
    public void refuseReentry(String call) {
        module.refuseReentry(call);
    }

    @Override
    public boolean isInsideCall() {
        return module.isInsideCall();
    }
}
