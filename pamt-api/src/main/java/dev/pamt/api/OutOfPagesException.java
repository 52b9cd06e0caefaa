package dev.pamt.api;

import java.io.Serial;

/** The host has no more memory. Nothing is half taken: what a call had taken before it failed has been given back. */
public final class OutOfPagesException extends PamtException {
    @Serial
    private static final long serialVersionUID = 1L;

    private final String wanted;

    /**
     * Makes the exception.
     *
     * @param wanted what was asked for
     */
    public OutOfPagesException(String wanted) {
        super("the host's page allocator has no memory left for " + wanted);
        this.wanted = wanted;
    }

    /**
     * Returns what was asked for.
     *
     * @return what was asked for
     */
    public String wanted() {
        return wanted;
    }
}
