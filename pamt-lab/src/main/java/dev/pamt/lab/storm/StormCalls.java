package dev.pamt.lab.storm;

import dev.pamt.seamcall.SeamcallLeaf;
import java.util.Map;

/**
 * What a storm has asked of the module, and what came of it.
 *
 * <p>Immutable and thread-safe.
 *
 * @param byLeaf how many calls of each leaf there were
 * @param adds how many pairs were given to the module, by the manager or past it
 * @param busy how many calls of any leaf were answered TDX_OPERAND_BUSY
 * @param missingPair how many were answered TDX_MISSING_PAMT_PAGE_PAIR
 * @param mapped4K how many pages were mapped as 4K
 * @param mapped2M how many chunks were mapped as one page
 * @param accepted how many 4K pages guests have accepted
 */
public record StormCalls(
        Map<SeamcallLeaf, Long> byLeaf,
        long adds,
        long busy,
        long missingPair,
        long mapped4K,
        long mapped2M,
        long accepted) {
    /**
     * Copies the map.
     *
     * @param byLeaf how many calls of each leaf there were
     * @param adds how many pairs were given to the module, by the manager or past it
     * @param busy how many calls of any leaf were answered TDX_OPERAND_BUSY
     * @param missingPair how many were answered TDX_MISSING_PAMT_PAGE_PAIR
     * @param mapped4K how many pages were mapped as 4K
     * @param mapped2M how many chunks were mapped as one page
     * @param accepted how many 4K pages guests have accepted
     */
    public StormCalls {
        byLeaf = Map.copyOf(byLeaf);
    }
}
