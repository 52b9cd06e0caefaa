package dev.pamt.seamcall.conformance;

import java.util.List;
import java.util.SortedMap;

/**
 * What came of replaying one recording. Immutable and thread-safe.
 *
 * @param file the recording
 * @param calls the calls that were made and compared, guest steps included
 * @param events the events that were applied
 * @param coverage by leaf, how often each status was recorded among the calls that were made
 * @param differences what differs, in the order of the recording
 * @param skips what was not replayed or not compared
 */
public record ReplayResult(
        String file,
        int calls,
        int events,
        SortedMap<String, SortedMap<String, Integer>> coverage,
        List<Difference> differences,
        List<Skip> skips) {
    /**
     * Whether calls were made and nothing differs. Lines that were skipped do not count, but a recording of which all was
     * skipped is no pass: it says nothing of the backend.
     *
     * @return true if there is no difference, and the recording is not {@link #skipped()}
     */
    public boolean passed() {
        return differences.isEmpty() && !skipped();
    }

    /**
     * Whether no call of the recording was made: it neither passed nor failed. The skips say why.
     *
     * @return true if there were no calls, and no difference
     */
    public boolean skipped() {
        return calls == 0 && differences.isEmpty();
    }
}
