package dev.pamt.api;

import java.io.Serial;

/** A region that has 4K users, or too few, for what the call wants to do with all of it. */
public final class RegionInUseException extends PamtAddressException {
    @Serial
    private static final long serialVersionUID = 1L;

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
        super(hpa, String.format("the region of 0x%x is %s; %s", hpa, state, rule));
        this.state = state;
        this.rule = rule;
    }

    /**
     * Returns the state of the region.
     *
     * @return the state of the region
     */
    public RegionState state() {
        return state;
    }

    /**
     * Returns the rule that the call keeps.
     *
     * @return the rule that the call keeps
     */
    public String rule() {
        return rule;
    }
}
