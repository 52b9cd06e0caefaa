package dev.pamt.seamcall;

/**
 * Page sizes, with the level codes of the ABI.
 *
 * <p>Immutable and thread-safe.
 */
public enum PageLevel {
    /** A page of 4 KiB, level 0. */
    SIZE_4K(0, 12),
    /** A page of 2 MiB, level 1. */
    SIZE_2M(1, 21),
    /** A page of 1 GiB, level 2. */
    SIZE_1G(2, 30);

    private final int code;
    private final int shift;

    PageLevel(int code, int shift) {
        this.code = code;
        this.shift = shift;
    }

    /**
     * Finds the level of a code.
     *
     * @param code a level code
     * @return the level, or null if the code is none of 0, 1 and 2
     */
    public static PageLevel ofCode(int code) {
        return switch (code) {
            case 0 -> SIZE_4K;
            case 1 -> SIZE_2M;
            case 2 -> SIZE_1G;
            default -> null;
        };
    }

    /**
     * The level code.
     *
     * @return 0 for 4K, 1 for 2M, 2 for 1G
     */
    public int code() {
        return code;
    }

    /**
     * The number of address bits within a page of this size.
     *
     * @return 12, 21 or 30
     */
    public int shift() {
        return shift;
    }

    /**
     * The size of a page.
     *
     * @return bytes
     */
    public long bytes() {
        return 1L << shift;
    }

    /**
     * Puts the level code into the low bits of an address, as GPA and HPA operands carry it.
     *
     * @param address a physical address
     * @return the address with the level in bits 2:0
     */
    public long encode(long address) {
        return address | code;
    }
}
