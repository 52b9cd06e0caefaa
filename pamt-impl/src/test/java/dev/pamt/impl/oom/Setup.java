package dev.pamt.impl.oom;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.ReclaimPolicy;
import java.util.ArrayList;
import java.util.List;

/**
 * What kind of manager on what kind of host.
 *
 * @param strategy how transitions exclude each other
 * @param policy when an empty region loses its pair
 * @param memory what the host's allocator gives
 * @param sabotage what is done behind the manager's back
 */
record Setup(Strategy strategy, ReclaimPolicy policy, Memory memory, Sabotage sabotage) {
    private Setup(Strategy strategy, ReclaimPolicy policy, Memory memory) {
        this(strategy, policy, memory, Sabotage.NONE);
    }

    /** What the host's allocator gives. */
    enum Memory {
        /** Chunks of 2 MiB and pages. */
        CHUNKS,
        /** Pages only. */
        PAGES,
        /** What the library's own allocator gives. */
        HOST,
        /** Pages, to a manager of a module without Dynamic PAMT. */
        STATIC
    }

    /** The strategies of the library. */
    enum Strategy {
        GLOBAL,
        HASHED,
        PER_2M
    }

    static List<Setup> all() {
        List<Setup> setups = new ArrayList<>();
        for (Strategy strategy : Strategy.values()) {
            for (Memory memory : List.of(Memory.CHUNKS, Memory.PAGES)) {
                setups.add(new Setup(strategy, ReclaimPolicy.eager(), memory));
                setups.add(new Setup(strategy, ReclaimPolicy.keepIdle(2), memory));
            }
        }
        setups.add(new Setup(Strategy.PER_2M, ReclaimPolicy.eager(), Memory.HOST));
        setups.add(new Setup(Strategy.PER_2M, ReclaimPolicy.eager(), Memory.STATIC));
        return setups;
    }

    static Setup of(Sabotage sabotage) {
        return new Setup(Strategy.PER_2M, ReclaimPolicy.eager(), Memory.PAGES, sabotage);
    }

    LockStrategy newStrategy() {
        return sabotage.on(
                switch (strategy) {
                    case GLOBAL -> LockStrategy.global();
                    case HASHED -> LockStrategy.hashed(64);
                    case PER_2M -> LockStrategy.per2M();
                });
    }

    @Override
    public String toString() {
        return strategy + ", " + (policy.idleRegions() == 0 ? "eager" : "keepIdle " + policy.idleRegions()) + ", "
                + memory;
    }
}
