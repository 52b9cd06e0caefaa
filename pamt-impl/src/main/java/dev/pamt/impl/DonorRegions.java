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
    public Transition prepare(long chunkHpa) {
        return new Transition(table.region(chunkHpa), chunkHpa, null);
    }

    @Override
    public Adoption adopt(Transition chunk) {
        Region region = chunk.region;
        if (Reclaimer.needsReclaim(region.word())) {
            // The pair that the region still has comes home first.
            transitions.reclaim(region.hpa);
        }
        locks.lock(chunk);
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
            locks.unlock(chunk);
        }
    }

    @Override
    public boolean release(Transition chunk) {
        try {
            locks.lock(chunk);
        } catch (Throwable failure) {
            pages.keepChunk(chunk.hpa, failure);
            return false;
        }
        chunk.region.setState(RegionWord.EMPTY);
        locks.unlock(chunk);
        return true;
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
