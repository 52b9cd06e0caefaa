package dev.pamt.seamcall;

/**
 * Operand ids: what the low 32 bits of a status name (TDX module 1.5.25, error code definitions).
 *
 * <p>Immutable and thread-safe.
 */
public enum TdxOperand {
    /** Register RAX. */
    RAX(0),
    /** Register RCX. */
    RCX(1),
    /** Register RDX. */
    RDX(2),
    /** Register RBX. */
    RBX(3),
    /** Register RBP. */
    RBP(5),
    /** Register RSI. */
    RSI(6),
    /** Register RDI. */
    RDI(7),
    /** Register R8. */
    R8(8),
    /** Register R9. */
    R9(9),
    /** Register R10. */
    R10(10),
    /** Register R11. */
    R11(11),
    /** Register R12. */
    R12(12),
    /** Register R13. */
    R13(13),
    /** Register R14. */
    R14(14),
    /** Register R15. */
    R15(15),
    /** TD_PARAMS: attributes. */
    ATTRIBUTES(64),
    /** TD_PARAMS: XFAM. */
    XFAM(65),
    /** TD_PARAMS: execution controls. */
    EXEC_CONTROLS(66),
    /** TD_PARAMS: EPTP controls. */
    EPTP_CONTROLS(67),
    /** TD_PARAMS: number of vCPUs. */
    MAX_VCPUS(68),
    /** TD_PARAMS: CPUID configuration. */
    CPUID_CONFIG(69),
    /** TD_PARAMS: TSC frequency. */
    TSC_FREQUENCY(70),
    /** TD_PARAMS: number of L2 VMs. */
    NUM_L2_VMS(71),
    /** TD_PARAMS: IA32_ARCH_CAPABILITIES. */
    IA32_ARCH_CAPABILITIES_CONFIG(72),
    /** A page. */
    PAGE(95),
    /** Physical address of a TDMR_INFO. */
    TDMR_INFO_PA(96),
    /** Entry of a GPA list. */
    GPA_LIST_ENTRY(97),
    /** Entry of a migration buffer list. */
    MIG_BUFF_LIST_ENTRY(98),
    /** Entry of a new page list. */
    NEW_PAGE_LIST_ENTRY(99),
    /** TD root page. */
    TDR(128),
    /** TD control extension page. */
    TDCX(129),
    /** vCPU root page. */
    TDVPR(130),
    /** Register page. */
    REG_PAGE(132),
    /** TD control structure. */
    TDCS(144),
    /** vCPU state. */
    TDVPS(145),
    /** Secure EPT tree. */
    SEPT_TREE(146),
    /** Secure EPT entry. */
    SEPT_ENTRY(147),
    /** Run-time measurement register. */
    RTMR(168),
    /** TLB tracking epoch. */
    TD_EPOCH(169),
    /** Migration stream context. */
    MIGSC(171),
    /** TD operation state. */
    OP_STATE(172),
    /** Migration state. */
    MIG(173),
    /** Service TD bindings. */
    SERVTD_BINDINGS(174),
    /** Metadata field. */
    METADATA_FIELD(176),
    /** Number of vCPUs. */
    NUM_VCPUS(177),
    /** The module as a whole. */
    SYS(184),
    /** TD memory region. */
    TDMR(185),
    /** Key ownership table. */
    KOT(186),
    /** Key encryption table. */
    KET(187),
    /** Cache write-back. */
    WBCACHE(188);

    private static final TdxOperand[] BY_ID = new TdxOperand[189];

    static {
        for (TdxOperand operand : values()) {
            BY_ID[operand.id] = operand;
        }
    }

    private final int id;

    TdxOperand(int id) {
        this.id = id;
    }

    /**
     * The number of this operand.
     *
     * @return the operand id, as in the low 32 bits of a status
     */
    public int id() {
        return id;
    }

    /**
     * Finds the operand of a number.
     *
     * @param id an operand id
     * @return the operand, or null if no operand has that number
     */
    public static TdxOperand ofId(int id) {
        return id >= 0 && id < BY_ID.length ? BY_ID[id] : null;
    }
}
