package dev.pamt.api;

import java.io.Serial;

/** A region that has 4K users, or too few, for what the call wants to do with all of it. */
public final class RegionInUseException extends PamtException {
    @Serial
    private static final long serialVersionUID = 1L;

    private final long hpa;
    private final RegionState state;
    private final String rule;

    /**
     * Makes the exception.
     *
     * @param hpa the address
     * @param state the state of the region
     * @param rule the rule that the call keeps
     */
    public RegionInUseException(long hpa, RegionState state, String rule) {
        super(String.format("the region of 0x%x is %s; %s", hpa, state, rule));
        this.hpa = hpa;
        this.state = state;
        this.rule = rule;
    }

    /**
     * Tells the address.
     *
     * @return the address
     */
    public long hpa() {
        return hpa;
    }

    /**
     * Tells the state of the region.
     *
     * @return the state of the region
     */
    public RegionState state() {
        return state;
    }

    /**
     * Tells the rule that the call keeps.
     *
     * @return the rule that the call keeps
     */
    public String rule() {
        return rule;
    }
}
