package dev.pamt.races.exhibits;

import dev.pamt.races.exhibits.ModelRegion.Status;

/** The design that v3's cover argues against: no count, ADD before each use, REMOVE when the module hints at it. */
public final class HintDriven implements Protocol {
    private final ModelRegion region;
    private final ModelRegion donor;

    public HintDriven(ModelRegion region, ModelRegion donor) {
        this.region = region;
        this.donor = donor;
    }

    @Override
    public boolean get() {
        Status status = region.add(donor);
        return status == Status.SUCCESS || status == Status.HPA_RANGE_NOT_FREE;
    }

    @Override
    public void put(boolean hint) {
        if (hint) {
            region.remove();
        }
    }
}
