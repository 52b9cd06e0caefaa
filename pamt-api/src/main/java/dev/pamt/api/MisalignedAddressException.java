package dev.pamt.api;

import java.io.Serial;

/** An address that is not aligned as the call needs it. */
public final class MisalignedAddressException extends PamtAddressException {
    @Serial
    private static final long serialVersionUID = 1L;

    private final long alignmentBytes;

    /**
     * Makes the exception.
     *
     * @param hpa the address
     * @param alignmentBytes the alignment that the call needs, in bytes
     */
    public MisalignedAddressException(long hpa, long alignmentBytes) {
        super(
                hpa,
                String.format(
                        "address 0x%x is not a multiple of 0x%x (%s)",
                        hpa, alignmentBytes, alignmentBytes == PageAllocator.PAGE_BYTES ? "a 4K page" : "a 2M region"));
        this.alignmentBytes = alignmentBytes;
    }

    /**
     * Returns the alignment that the call needs, in bytes.
     *
     * @return the alignment that the call needs, in bytes
     */
    public long alignmentBytes() {
        return alignmentBytes;
    }
}
