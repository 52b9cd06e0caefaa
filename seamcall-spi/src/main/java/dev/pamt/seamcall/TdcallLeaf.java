package dev.pamt.seamcall;

/**
 * Guest-side leaves: their numbers and names (TDX module 1.5.25). These are the ones of memory and exits; the module has more.
 *
 * <p>Immutable and thread-safe.
 */
public enum TdcallLeaf {
    /** TDG.VP.VMCALL: leaves the TD for a service of the host. */
    VP_VMCALL(0, "TDG.VP.VMCALL"),
    /** TDG.VP.VEINFO.GET: fetches what the last virtualisation exception was about. */
    VP_VEINFO_GET(3, "TDG.VP.VEINFO.GET"),
    /** TDG.MEM.PAGE.ACCEPT: takes a pending page over. */
    MEM_PAGE_ACCEPT(6, "TDG.MEM.PAGE.ACCEPT"),
    /** TDG.MEM.PAGE.ATTR.WR: gives L2 VMs access to a page, changes it or takes it away. */
    MEM_PAGE_ATTR_WR(24, "TDG.MEM.PAGE.ATTR.WR");

    private final int number;
    private final String abiName;

    TdcallLeaf(int number, String abiName) {
        this.number = number;
        this.abiName = abiName;
    }

    /**
     * The leaf number.
     *
     * @return bits 15:0 of the guest's RAX
     */
    public int number() {
        return number;
    }

    /**
     * The leaf word of version 0.
     *
     * @return RAX for a TDCALL of this leaf
     */
    public long rax() {
        return number;
    }

    /**
     * Finds the leaf of a leaf word, whatever its version.
     *
     * @param rax a leaf word
     * @return the leaf, or null if there is none of its number here
     */
    public static TdcallLeaf of(long rax) {
        for (TdcallLeaf leaf : values()) {
            if (leaf.number == SeamcallLeaf.numberOf(rax)) {
                return leaf;
            }
        }
        return null;
    }

    /** The ABI's name. */
    @Override
    public String toString() {
        return abiName;
    }
}
