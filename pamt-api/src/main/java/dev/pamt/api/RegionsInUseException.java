package dev.pamt.api;

import java.io.Serial;
import java.util.ArrayList;
import java.util.List;

/**
 * The manager cannot be closed, because regions are still in use or the module has not given their pairs back. The
 * manager stays open and nothing is thrown away: drop what is left and close again.
 */
public final class RegionsInUseException extends PamtException {
    @Serial
    private static final long serialVersionUID = 1L;

    private static final int SHOWN = 8;

    private final transient List<Leftover> leftovers;

    /**
     * A region that is still in use.
     *
     * @param hpa the address of the region
     * @param state its state; IDLE if it has no user but the module refuses to give its pair back
     */
    public record Leftover(long hpa, RegionState state) {
        @Override
        public String toString() {
            return String.format("0x%x %s", hpa, state);
        }
    }

    /**
     * Makes the exception.
     *
     * @param leftovers the regions, at least one
     */
    public RegionsInUseException(List<Leftover> leftovers) {
        super(message(leftovers));
        this.leftovers = List.copyOf(leftovers);
    }

    /**
     * Returns what is left.
     *
     * @return the regions, by address; empty after serialisation
     */
    public List<Leftover> leftovers() {
        return leftovers == null ? List.of() : leftovers;
    }

    private static String message(List<Leftover> leftovers) {
        List<String> shown = new ArrayList<>();
        leftovers.stream().limit(SHOWN).forEach(leftover -> shown.add(leftover.toString()));
        String more = leftovers.size() > SHOWN ? " and " + (leftovers.size() - SHOWN) + " more" : "";
        return "the manager stays open: " + leftovers.size()
                + " region(s) still in use or not given back by the module: " + String.join(", ", shown) + more;
    }
}
