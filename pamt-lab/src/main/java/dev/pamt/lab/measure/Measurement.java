package dev.pamt.lab.measure;

import java.util.List;
import java.util.Optional;

/**
 * What was found out about the memory of a process.
 *
 * <p>Immutable and thread-safe.
 *
 * @param pid the number of the process
 * @param name its name
 * @param mappings how many mappings it has, as far as they could be read
 * @param residentPages its resident memory in 4K pages, as the kernel counts it
 * @param placement where its pages lie; empty if physical addresses are hidden
 * @param addresses how its addresses are used, if physical addresses are hidden and its mappings are not
 * @param lacks the rights that were missing, each with the file that needs it; none if all is known
 */
public record Measurement(
        long pid,
        String name,
        int mappings,
        long residentPages,
        Optional<Placement> placement,
        Optional<AddressUse> addresses,
        List<String> lacks) {
    /**
     * Copies the list.
     *
     * @param pid the number of the process
     * @param name its name
     * @param mappings how many mappings it has
     * @param residentPages its resident memory in 4K pages
     * @param placement where its pages lie
     * @param addresses how its addresses are used
     * @param lacks the rights that were missing
     */
    public Measurement {
        lacks = List.copyOf(lacks);
    }

    /**
     * The measurement that a placement file has kept.
     *
     * @param placement the placement
     * @return a measurement without a process
     */
    public static Measurement of(Placement placement) {
        return new Measurement(
                0,
                placement.origin().process(),
                0,
                placement.use().totalPages(),
                Optional.of(placement),
                Optional.empty(),
                List.of());
    }

    /**
     * The same counts without the pages themselves, which may be many.
     *
     * @return a measurement whose placement has no runs
     */
    public Measurement withoutPages() {
        return new Measurement(
                pid, name, mappings, residentPages, placement.map(Placement::withoutPages), addresses, lacks);
    }
}
