package dev.pamt.seamcall.emulator.platform;

import dev.pamt.seamcall.PhysicalRange;

/**
 * How this platform's physical addresses are made up: where the key id sits, and what makes an address well formed.
 *
 * <p>TDX module 1.5.25 compares addresses with 2^52 and not with the platform's MAXPA; only the key id bits depend on the
 * platform.
 *
 * @param maxPaBits the number of physical address bits of the platform (MAXPA)
 * @param hkidStartBit the lowest bit of the key id; its highest is bit {@code maxPaBits - 1}
 * @param firstPrivateHkid the first key id that is private to TDX
 * @param lastPrivateHkid the last key id that is private to TDX
 */
public record HpaRules(int maxPaBits, int hkidStartBit, int firstPrivateHkid, int lastPrivateHkid) {
    private static final long ABOVE_ADDRESS = -1L << PhysicalRange.ADDRESS_BITS;

    /** The bits of an address that hold the key id. */
    public long hkidMask() {
        return (1L << maxPaBits) - (1L << hkidStartBit);
    }

    /** Whether an address is below 2^52, carries no key id and is a multiple of a power of two. */
    public boolean isAligned(long hpa, long alignment) {
        return (hpa & (ABOVE_ADDRESS | hkidMask() | alignment - 1)) == 0;
    }

    /** Whether an address may be that of memory shared with the host: below 2^52, aligned, no private key id. */
    public boolean isShared(long hpa, long alignment) {
        return (hpa & (ABOVE_ADDRESS | alignment - 1)) == 0 && hkidOf(hpa) < firstPrivateHkid;
    }

    /** The key id in an address. */
    public int hkidOf(long hpa) {
        return (int) ((hpa & hkidMask()) >>> hkidStartBit);
    }

    /** The address without its key id. */
    public long withoutHkid(long hpa) {
        return hpa & ~hkidMask();
    }

    /** Whether a key id is private to TDX. */
    public boolean isPrivate(long hkid) {
        return hkid >= firstPrivateHkid && hkid <= lastPrivateHkid;
    }
}
