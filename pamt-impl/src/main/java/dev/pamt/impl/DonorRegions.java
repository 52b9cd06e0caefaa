package dev.pamt.impl;

import dev.pamt.impl.PairSupply.Adoption;

/** The regions of donor chunks: their words, which say DONOR for as long as the manager has the chunk. */
final class DonorRegions implements PairPool.DonorRegions {
    private final RegionTable table;
    private final TransitionLocks locks;
    private final ModuleCalls module;
    private final HostPages pages;

    DonorRegions(RegionTable table, TransitionLocks locks, ModuleCalls module, HostPages pages) {
        this.table = table;
        this.locks = locks;
        this.module = module;
        this.pages = pages;
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
    public boolean isInsideCall() {
        return module.isInsideCall();
    }

    /** Returns the part that makes donors; it takes a pair back first that the region still has. */
    PairSupply.ChunkAdopter adopter(PairRemover remover) {
        return new Adopter(remover);
    }

    private final class Adopter implements PairSupply.ChunkAdopter {
        private final PairRemover remover;

        Adopter(PairRemover remover) {
            this.remover = remover;
        }

        @Override
        public Transition prepare(long chunkHpa) {
            return new Transition(table.region(chunkHpa), chunkHpa, null);
        }

        @Override
        public Adoption adopt(Transition chunk) {
            Region region = chunk.region;
            if (Reclaimer.needsReclaim(region.word())) {
                remover.reclaim(region.hpa);
            }
            locks.lock(chunk);
            try {
                if (region.state() == RegionWord.DONOR) {
                    return Adoption.DONOR_ALREADY;
                }
                if (region.state() != RegionWord.EMPTY) {
                    return Adoption.IN_USE;
                }
                region.setState(RegionWord.DONOR);
                return Adoption.ADOPTED;
            } finally {
                locks.unlock(chunk);
            }
        }

        @Override
        public void refuseReentry(String call) {
            module.refuseReentry(call);
        }
    }
}
