package dev.pamt.api;

import java.io.Serial;

/** An address that lies outside the memory map of the host. */
public final class AddressOutsideMemoryException extends PamtAddressException {
    @Serial
    private static final long serialVersionUID = 1L;

    /**
     * Makes the exception.
     *
     * @param hpa the address
     */
    public AddressOutsideMemoryException(long hpa) {
        super(
                hpa,
                String.format("address 0x%x lies outside the memory map; only RAM of the host has page metadata", hpa));
    }
}
