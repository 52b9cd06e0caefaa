package dev.pamt.api;

/** Keeps a number of regions idle, or none. */
record KeepIdle(int idleRegions) implements ReclaimPolicy {
    KeepIdle {
        if (idleRegions < 0 || idleRegions > MAX_IDLE_REGIONS) {
            throw new IllegalArgumentException(
                    "the number of regions kept idle is 0 to " + MAX_IDLE_REGIONS + ", not " + idleRegions);
        }
    }

    @Override
    public String name() {
        return idleRegions == 0 ? "eager" : "keepIdle(" + idleRegions + ")";
    }

    @Override
    public boolean takesBackFirst(IdleRegions idle) {
        return idle.count() > idleRegions;
    }

    @Override
    public String toString() {
        return name();
    }
}
