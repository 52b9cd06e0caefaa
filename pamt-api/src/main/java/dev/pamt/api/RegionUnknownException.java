package dev.pamt.api;

import dev.pamt.seamcall.TdxStatus;
import java.io.Serial;

/**
 * A region is out of use: a SEAMCALL for it got no answer, and the module does not let the manager settle whether a page
 * pair is installed.
 *
 * <p>State left: the region is {@link RegionState.Kind#UNKNOWN}, without users. It is tried again by later calls.
 */
public final class RegionUnknownException extends PamtAddressException {
    @Serial
    private static final long serialVersionUID = 1L;

    private final long status;

    /**
     * Makes the exception.
     *
     * @param hpa an address in the region
     * @param status what the module answered to the REMOVE that was to settle the region
     */
    public RegionUnknownException(long hpa, long status) {
        super(
                hpa,
                String.format(
                        "a SEAMCALL for the region of 0x%x got no answer, and the REMOVE that is to settle it answered %s; the"
                                + " region is out of use until that succeeds",
                        hpa, TdxStatus.toString(status)));
        this.status = status;
    }

    /**
     * Returns what the module answered.
     *
     * @return the status word of the REMOVE
     */
    public long status() {
        return status;
    }
}
