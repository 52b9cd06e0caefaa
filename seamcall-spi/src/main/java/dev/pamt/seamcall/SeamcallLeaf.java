package dev.pamt.seamcall;

/**
 * The host-side leaves: their numbers, names and versions (TDX module 1.5.25).
 *
 * <p>Immutable and thread-safe.
 */
public enum SeamcallLeaf {
    /** TDH.VP.ENTER: enters a vCPU. */
    VP_ENTER(0, 0, "TDH.VP.ENTER"),
    /** TDH.MNG.ADDCX: adds a control page to a TD. */
    MNG_ADDCX(1, 0, "TDH.MNG.ADDCX"),
    /** TDH.MEM.PAGE.ADD: adds a 4K page with contents to a TD that is being built. */
    MEM_PAGE_ADD(2, 0, "TDH.MEM.PAGE.ADD"),
    /** TDH.MEM.SEPT.ADD: adds a Secure EPT page. */
    MEM_SEPT_ADD(3, 1, "TDH.MEM.SEPT.ADD"),
    /** TDH.VP.ADDCX: adds a control page to a vCPU. */
    VP_ADDCX(4, 0, "TDH.VP.ADDCX"),
    /** TDH.MEM.PAGE.RELOCATE: moves a 4K page. */
    MEM_PAGE_RELOCATE(5, 0, "TDH.MEM.PAGE.RELOCATE"),
    /** TDH.MEM.PAGE.AUG: maps a pending 4K or 2M page. */
    MEM_PAGE_AUG(6, 0, "TDH.MEM.PAGE.AUG"),
    /** TDH.MEM.RANGE.BLOCK: blocks a GPA range. */
    MEM_RANGE_BLOCK(7, 0, "TDH.MEM.RANGE.BLOCK"),
    /** TDH.MNG.KEY.CONFIG: configures the key of a TD on a package. */
    MNG_KEY_CONFIG(8, 0, "TDH.MNG.KEY.CONFIG"),
    /** TDH.MNG.CREATE: creates a TD. */
    MNG_CREATE(9, 0, "TDH.MNG.CREATE"),
    /** TDH.VP.CREATE: creates a vCPU. */
    VP_CREATE(10, 0, "TDH.VP.CREATE"),
    /** TDH.MNG.RD: reads TD metadata. */
    MNG_RD(11, 1, "TDH.MNG.RD"),
    /** TDH.MEM.PAGE.DEMOTE: splits a large page; takes a page pair for a 2M page. */
    MEM_PAGE_DEMOTE(15, 0, "TDH.MEM.PAGE.DEMOTE"),
    /** TDH.MR.EXTEND: extends the measurement of a TD. */
    MR_EXTEND(16, 0, "TDH.MR.EXTEND"),
    /** TDH.MR.FINALIZE: completes the measurement of a TD. */
    MR_FINALIZE(17, 0, "TDH.MR.FINALIZE"),
    /** TDH.VP.FLUSH: ends the association of a vCPU with a processor. */
    VP_FLUSH(18, 0, "TDH.VP.FLUSH"),
    /** TDH.MNG.VPFLUSHDONE: checks that no vCPU is associated and blocks the TD. */
    MNG_VPFLUSHDONE(19, 0, "TDH.MNG.VPFLUSHDONE"),
    /** TDH.MNG.KEY.FREEID: frees the HKID of a TD. */
    MNG_KEY_FREEID(20, 0, "TDH.MNG.KEY.FREEID"),
    /** TDH.MNG.INIT: initialises a TD. */
    MNG_INIT(21, 0, "TDH.MNG.INIT"),
    /** TDH.VP.INIT: initialises a vCPU. */
    VP_INIT(22, 1, "TDH.VP.INIT"),
    /** TDH.MEM.PAGE.PROMOTE: merges 512 pages into a large one; gives back a page pair for a 2M page. */
    MEM_PAGE_PROMOTE(23, 1, "TDH.MEM.PAGE.PROMOTE"),
    /** TDH.PHYMEM.PAGE.RDMD: reads the metadata of a page. */
    PHYMEM_PAGE_RDMD(24, 0, "TDH.PHYMEM.PAGE.RDMD"),
    /** TDH.MEM.SEPT.RD: reads a Secure EPT entry. */
    MEM_SEPT_RD(25, 0, "TDH.MEM.SEPT.RD"),
    /** TDH.VP.RD: reads vCPU metadata. */
    VP_RD(26, 1, "TDH.VP.RD"),
    /** TDH.MNG.KEY.RECLAIMID: does nothing. */
    MNG_KEY_RECLAIMID(27, 0, "TDH.MNG.KEY.RECLAIMID"),
    /** TDH.PHYMEM.PAGE.RECLAIM: takes a page back from a TD that is torn down. */
    PHYMEM_PAGE_RECLAIM(28, 0, "TDH.PHYMEM.PAGE.RECLAIM"),
    /** TDH.MEM.PAGE.REMOVE: removes a page from a TD. */
    MEM_PAGE_REMOVE(29, 0, "TDH.MEM.PAGE.REMOVE"),
    /** TDH.MEM.SEPT.REMOVE: removes a Secure EPT page. */
    MEM_SEPT_REMOVE(30, 1, "TDH.MEM.SEPT.REMOVE"),
    /** TDH.SYS.KEY.CONFIG: configures the module's key on a package. */
    SYS_KEY_CONFIG(31, 0, "TDH.SYS.KEY.CONFIG"),
    /** TDH.SYS.INFO: reads the properties of the module. */
    SYS_INFO(32, 0, "TDH.SYS.INFO"),
    /** TDH.SYS.INIT: initialises the module. */
    SYS_INIT(33, 1, "TDH.SYS.INIT"),
    /** TDH.SYS.RD: reads a field of the module's metadata. */
    SYS_RD(34, 0, "TDH.SYS.RD"),
    /** TDH.SYS.LP.INIT: initialises the module on a processor. */
    SYS_LP_INIT(35, 0, "TDH.SYS.LP.INIT"),
    /** TDH.SYS.TDMR.INIT: initialises a part of a TDMR. */
    SYS_TDMR_INIT(36, 0, "TDH.SYS.TDMR.INIT"),
    /** TDH.SYS.RDALL: reads all fields of the module's metadata. */
    SYS_RDALL(37, 0, "TDH.SYS.RDALL"),
    /** TDH.MEM.TRACK: starts a new TLB tracking epoch. */
    MEM_TRACK(38, 0, "TDH.MEM.TRACK"),
    /** TDH.MEM.RANGE.UNBLOCK: unblocks a GPA range. */
    MEM_RANGE_UNBLOCK(39, 0, "TDH.MEM.RANGE.UNBLOCK"),
    /** TDH.PHYMEM.CACHE.WB: writes back the caches of a package. */
    PHYMEM_CACHE_WB(40, 0, "TDH.PHYMEM.CACHE.WB"),
    /** TDH.PHYMEM.PAGE.WBINVD: writes back and invalidates the cache lines of a page. */
    PHYMEM_PAGE_WBINVD(41, 0, "TDH.PHYMEM.PAGE.WBINVD"),
    /** TDH.VP.WR: writes vCPU metadata. */
    VP_WR(43, 0, "TDH.VP.WR"),
    /** TDH.SYS.LP.SHUTDOWN: does nothing; older modules shut down on a processor. */
    SYS_LP_SHUTDOWN(44, 0, "TDH.SYS.LP.SHUTDOWN"),
    /** TDH.SYS.CONFIG: gives the module its TDMRs, its key id and its options. */
    SYS_CONFIG(45, 0, "TDH.SYS.CONFIG"),
    /** TDH.SYS.SHUTDOWN: shuts the module down for an update. */
    SYS_SHUTDOWN(52, 0, "TDH.SYS.SHUTDOWN"),
    /** TDH.SYS.UPDATE: takes over the state of the module before. */
    SYS_UPDATE(53, 1, "TDH.SYS.UPDATE"),
    /** TDH.PHYMEM.PAMT.ADD: gives a 2M region its page pair. */
    PHYMEM_PAMT_ADD(58, 0, "TDH.PHYMEM.PAMT.ADD"),
    /** TDH.PHYMEM.PAMT.REMOVE: takes the page pair of a 2M region back. */
    PHYMEM_PAMT_REMOVE(59, 0, "TDH.PHYMEM.PAMT.REMOVE");

    /** The bits of RAX that are the leaf number. */
    private static final long NUMBER = 0xFFFF;

    private static final SeamcallLeaf[] BY_NUMBER = new SeamcallLeaf[64];

    static {
        for (SeamcallLeaf leaf : values()) {
            BY_NUMBER[leaf.number] = leaf;
        }
    }

    private final int number;
    private final int maxVersion;
    private final String abiName;

    SeamcallLeaf(int number, int maxVersion, String abiName) {
        this.number = number;
        this.maxVersion = maxVersion;
        this.abiName = abiName;
    }

    /**
     * The leaf number.
     *
     * @return bits 15:0 of RAX
     */
    public int number() {
        return number;
    }

    /**
     * The highest version that the module accepts; every version from 0 on is accepted.
     *
     * @return the highest version of the leaf
     */
    public int maxVersion() {
        return maxVersion;
    }

    /**
     * The name that the ABI gives this leaf.
     *
     * @return a name such as {@code TDH.PHYMEM.PAMT.ADD}
     */
    public String abiName() {
        return abiName;
    }

    /**
     * The leaf word of version 0.
     *
     * @return RAX for a call of this leaf
     */
    public long rax() {
        return number;
    }

    /**
     * The leaf word of a version.
     *
     * @param version the version of the leaf
     * @return RAX for a call of this leaf
     * @throws IllegalArgumentException if the leaf has no such version
     */
    public long rax(int version) {
        if (version < 0 || version > maxVersion) {
            throw new IllegalArgumentException(
                    abiName + " has versions 0 to " + maxVersion + ", and no version " + version);
        }
        return (long) version << 16 | number;
    }

    /**
     * The leaf number in a leaf word, whether or not there is such a leaf.
     *
     * @param rax a leaf word
     * @return bits 15:0
     */
    public static int numberOf(long rax) {
        return (int) (rax & NUMBER);
    }

    /**
     * Finds the leaf of a leaf word, whatever its version.
     *
     * @param rax a leaf word
     * @return the leaf, or null if there is none of its number here
     */
    public static SeamcallLeaf of(long rax) {
        return ofNumber(numberOf(rax));
    }

    /**
     * Finds the leaf of a number.
     *
     * @param number a leaf number
     * @return the leaf, or null if there is none of that number here
     */
    public static SeamcallLeaf ofNumber(int number) {
        return number >= 0 && number < BY_NUMBER.length ? BY_NUMBER[number] : null;
    }

    /** The ABI's name. */
    @Override
    public String toString() {
        return abiName;
    }
}
