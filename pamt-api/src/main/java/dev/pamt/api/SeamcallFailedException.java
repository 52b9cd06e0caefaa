package dev.pamt.api;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxStatus;
import java.io.Serial;

/** The module has refused a SEAMCALL that the operation needs; the status says why. */
public final class SeamcallFailedException extends PamtException {
    @Serial
    private static final long serialVersionUID = 1L;

    private final SeamcallLeaf leaf;
    private final long status;

    /**
     * Makes the exception.
     *
     * @param leaf the leaf that failed
     * @param status its completion status
     * @param about what the call was about, such as the region
     */
    public SeamcallFailedException(SeamcallLeaf leaf, long status, String about) {
        super(leaf.abiName() + " " + about + " answered " + TdxStatus.toString(status));
        this.leaf = leaf;
        this.status = status;
    }

    /**
     * Returns the leaf that failed.
     *
     * @return the leaf
     */
    public SeamcallLeaf leaf() {
        return leaf;
    }

    /**
     * Returns what the module answered.
     *
     * @return the status word
     */
    public long status() {
        return status;
    }
}
