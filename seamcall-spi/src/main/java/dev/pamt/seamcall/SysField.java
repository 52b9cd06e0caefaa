package dev.pamt.seamcall;

/**
 * Fields of the module's metadata that SYS.RD reads (TDX module 1.5.25, global metadata).
 *
 * <p>Immutable and thread-safe.
 */
public enum SysField {
    /** Number of feature words: 1. */
    NUM_TDX_FEATURES(0x0A00_0000_0000_0001L),
    /** Feature bits; {@link #FEATURE_DYNAMIC_PAMT} is one of them. */
    TDX_FEATURES0(0x0A00_0003_0000_0008L),
    /** Number of convertible memory ranges. */
    NUM_CMRS(0x9000_0001_0000_0000L),
    /** Base of the first convertible memory range; add the index for the others. */
    CMR_BASE(0x9000_0003_0000_0080L),
    /** Size in bytes of the first convertible memory range; add the index for the others. */
    CMR_SIZE(0x9000_0003_0000_0100L),
    /** Number of TDMRs that SYS.CONFIG takes. */
    MAX_TDMRS(0x9100_0001_0000_0008L),
    /** Number of reserved areas that a TDMR can have. */
    MAX_RESERVED_PER_TDMR(0x9100_0001_0000_0009L),
    /** Bytes of a PAMT_4K entry. */
    PAMT_4K_ENTRY_SIZE(0x9100_0001_0000_0010L),
    /** Bytes of a PAMT_2M entry. */
    PAMT_2M_ENTRY_SIZE(0x9100_0001_0000_0011L),
    /** Bytes of a PAMT_1G entry. */
    PAMT_1G_ENTRY_SIZE(0x9100_0001_0000_0012L),
    /** Bits a 4K page has in the page bitmap of Dynamic PAMT. */
    PAMT_PAGE_BITMAP_ENTRY_BITS(0x9100_0000_0000_0013L),
    /** HKID bits that Dynamic PAMT needs at least. */
    MIN_DYNAMIC_PAMT_NUM_HKID_BITS(0x9100_0000_0000_0014L),
    /** Bytes of a TD root page. */
    TDR_BASE_SIZE(0x9800_0001_0000_0000L),
    /** Bytes of the control structure of a TD. */
    TDCS_BASE_SIZE(0x9800_0001_0000_0100L),
    /** Bytes that each L2 VM adds to the control structure of a TD. */
    TDCS_SIZE_PER_L2_VM(0x9800_0001_0000_0101L),
    /** Bytes of the state of a vCPU. */
    TDVPS_BASE_SIZE(0x9800_0001_0000_0200L),
    /** Bytes that each L2 VM adds to the state of a vCPU. */
    TDVPS_SIZE_PER_L2_VM(0x9800_0001_0000_0201L),
    /** Number of vCPUs that a TD can have. */
    MAX_VCPUS_PER_TD(0x9900_0001_0000_0008L);

    /** The bit of {@link #TDX_FEATURES0} that says the module can do Dynamic PAMT. */
    public static final int FEATURE_DYNAMIC_PAMT = 36;

    private final long id;

    SysField(long id) {
        this.id = id;
    }

    /**
     * The field id.
     *
     * @return the id, as SYS.RD takes it in RDX
     */
    public long id() {
        return id;
    }

    /**
     * The field id of an element of an array field.
     *
     * @param index the index of the element, from 0
     * @return the id, as SYS.RD takes it in RDX
     */
    public long id(int index) {
        return id + index;
    }
}
