package dev.pamt.seamcall;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Completion statuses: what a SEAMCALL returns in RAX.
 *
 * <p>A status word has the error flag in bit 63, "not recoverable" in bit 62, "fatal" in bit 61, the class in bits 47:40,
 * a number within the class in bits 39:32, and in the low 32 bits what it is about: for most statuses an operand id, for
 * some an index, a level or a state. A constant of this enum stands for all words that differ only in the low 32 bits.
 * Values from TDX module 1.5.25, error code definitions.
 *
 * <p>Immutable and thread-safe; nothing here allocates except the text forms.
 */
public enum TdxStatus {
    /** The call did what it was asked to do. */
    SUCCESS(0x0000_0000_0000_0000L, Detail.NONE),
    /** Interrupted; call again with the outputs to go on. */
    INTERRUPTED_RESUMABLE(0x8000_0003_0000_0000L, Detail.NONE),
    /** Interrupted before anything was changed; call again. */
    INTERRUPTED_RESTARTABLE(0x8000_0004_0000_0000L, Detail.NONE),
    /** An operand is malformed, or the leaf is unknown (RAX). */
    OPERAND_INVALID(0xC000_0100_0000_0000L, Detail.OPERAND),
    /** An address lies outside every initialised TDMR block. */
    OPERAND_ADDR_RANGE_ERROR(0xC000_0101_0000_0000L, Detail.OPERAND),
    /** A lock of the operand is held by another call; nothing was changed. */
    OPERAND_BUSY(0x8000_0200_0000_0000L, Detail.OPERAND),
    /** A vCPU is still inside since the epoch before. */
    PREVIOUS_TLB_EPOCH_BUSY(0x8000_0201_0000_0000L, Detail.NONE),
    /** The module-wide lock is held by another call. */
    SYS_BUSY(0x8000_0202_0000_0000L, Detail.NONE),
    /** The random number generator had nothing to give; call again. */
    RND_NO_ENTROPY(0x8000_0203_0000_0000L, Detail.NONE),
    /** Guest side: the host has priority on the lock. */
    OPERAND_BUSY_HOST_PRIORITY(0x8000_0204_0000_0000L, Detail.OPERAND),
    /** A guest was kept out by host priority for too long. */
    HOST_PRIORITY_BUSY_TIMEOUT(0x9000_0205_0000_0000L, Detail.NONE),
    /** Given up because another processor wants the S-EPT tree. */
    INTERRUPTED_BUSY(0x8000_0206_0000_0000L, Detail.NONE),
    /** The page is not of the type that the call expects. */
    PAGE_METADATA_INCORRECT(0xC000_0300_0000_0000L, Detail.OPERAND),
    /** The page was free already. */
    PAGE_ALREADY_FREE(0x0000_0301_0000_0000L, Detail.OPERAND),
    /** The page belongs to another TD. */
    PAGE_NOT_OWNED_BY_TD(0xC000_0302_0000_0000L, Detail.OPERAND),
    /** The page to be donated is in use, donated already or reserved. */
    PAGE_NOT_FREE(0xC000_0303_0000_0000L, Detail.OPERAND),
    /** The 2M region has a page pair already, or is a large page. */
    HPA_RANGE_NOT_FREE(0xC000_0304_0000_0000L, Detail.OPERAND),
    /** The 2M region has no page pair to remove. */
    NO_PAMT_PAGE_PAIR(0xC000_0305_0000_0000L, Detail.OPERAND),
    /** A 4K page of the region is in use; the low word is 0 or 1, the index of the pair page. */
    PAMT_PAGE_NOT_EMPTY(0xC000_0306_0000_0000L, Detail.INFO),
    /** Import stopped at a page without page pair; the low word is the list entry. */
    INTERRUPTED_PAMT(0x8000_0307_0000_0000L, Detail.INFO),
    /** The 2M region of the page has no page pair. */
    MISSING_PAMT_PAGE_PAIR(0x8000_0308_0000_0000L, Detail.OPERAND),
    /** The TD still owns pages. */
    TD_ASSOCIATED_PAGES_EXIST(0xC000_0400_0000_0000L, Detail.NONE),
    /** SYS.INIT was done before. */
    SYS_INIT_NOT_PENDING(0xC000_0500_0000_0000L, Detail.NONE),
    /** SYS.LP.INIT was not done on this processor. */
    SYS_LP_INIT_NOT_DONE(0xC000_0502_0000_0000L, Detail.NONE),
    /** SYS.LP.INIT was done on this processor before. */
    SYS_LP_INIT_DONE(0xC000_0503_0000_0000L, Detail.NONE),
    /** The module is not initialised yet. */
    SYS_NOT_READY(0xC000_0505_0000_0000L, Detail.NONE),
    /** The module is being shut down. */
    SYS_SHUTDOWN(0xC000_0506_0000_0000L, Detail.NONE),
    /** SYS.KEY.CONFIG comes after SYS.CONFIG, once. */
    SYS_KEY_CONFIG_NOT_PENDING(0xC000_0507_0000_0000L, Detail.NONE),
    /** The module is in another state than the call needs. */
    SYS_STATE_INCORRECT(0xC000_0508_0000_0000L, Detail.NONE),
    /** SYS.LP.INIT comes after SYS.INIT and before SYS.CONFIG. */
    SYS_LP_INIT_NOT_PENDING(0xC000_050B_0000_0000L, Detail.NONE),
    /** SYS.CONFIG comes after SYS.LP.INIT on all processors, once. */
    SYS_CONFIG_NOT_PENDING(0xC000_050C_0000_0000L, Detail.NONE),
    /** The platform lacks what the module needs. */
    INCOMPATIBLE_SEAM_CAPABILITIES(0xC000_050D_0000_0000L, Detail.NONE),
    /** The TD is in a fatal state. */
    TD_FATAL(0xE000_0604_0000_0000L, Detail.NONE),
    /** The TD lacks control pages. */
    TDCS_NOT_ALLOCATED(0xC000_0606_0000_0000L, Detail.NONE),
    /** The TD is in another life-cycle state than the call needs. */
    LIFECYCLE_STATE_INCORRECT(0xC000_0607_0000_0000L, Detail.NONE),
    /** The TD is in another operation state, given in the low word. */
    OP_STATE_INCORRECT(0xC000_0608_0000_0000L, Detail.INFO),
    /** The TD has no vCPU. */
    NO_VCPUS(0xC000_0609_0000_0000L, Detail.NONE),
    /** Too few or too many control pages. */
    TDCX_NUM_INCORRECT(0xC000_0610_0000_0000L, Detail.NONE),
    /** Another vCPU has this x2APIC id. */
    X2APIC_ID_NOT_UNIQUE(0xC000_0621_0000_0000L, Detail.INFO),
    /** The measurement was begun by another module version. */
    INCOMPATIBLE_MRTD_CONTEXT(0xC000_0622_0000_0000L, Detail.NONE),
    /** The vCPU is in another state, given in the low word. */
    VCPU_STATE_INCORRECT(0xC000_0700_0000_0000L, Detail.INFO),
    /** The vCPU is associated with another processor. */
    VCPU_ASSOCIATED(0x8000_0701_0000_0000L, Detail.NONE),
    /** The vCPU is not associated with this processor. */
    VCPU_NOT_ASSOCIATED(0x8000_0702_0000_0000L, Detail.NONE),
    /** Guest side: no virtualisation exception has left information to be fetched. */
    NO_VALID_VE_INFO(0xC000_0704_0000_0000L, Detail.NONE),
    /** The TD has as many vCPUs as it may have. */
    MAX_VCPUS_EXCEEDED(0xC000_0705_0000_0000L, Detail.NONE),
    /** A field of the vCPU's VMCS must be written first, given in the low word. */
    TD_VMCS_FIELD_NOT_INITIALIZED(0xC000_0730_0000_0000L, Detail.INFO),
    /** No entropy for the key; call again. */
    KEY_GENERATION_FAILED(0x8000_0800_0000_0000L, Detail.NONE),
    /** The TD has no keys (yet, or any more). */
    TD_KEYS_NOT_CONFIGURED(0x8000_0810_0000_0000L, Detail.NONE),
    /** The key was configured on this package before. */
    KEY_CONFIGURED(0x0000_0815_0000_0000L, Detail.NONE),
    /** CACHE.WB is not done on all packages. */
    WBCACHE_NOT_COMPLETE(0x8000_0817_0000_0000L, Detail.NONE),
    /** The HKID is in use. */
    HKID_NOT_FREE(0xC000_0820_0000_0000L, Detail.NONE),
    /** No HKID waits for a cache write-back. */
    NO_HKID_READY_TO_WBCACHE(0x0000_0821_0000_0000L, Detail.NONE),
    /** There is no interrupted CACHE.WB to resume. */
    WBCACHE_RESUME_ERROR(0xC000_0823_0000_0000L, Detail.NONE),
    /** A vCPU is still associated with a processor. */
    FLUSHVP_NOT_DONE(0x8000_0824_0000_0000L, Detail.NONE),
    /** An MSR differs between processors; its number is in the low word. */
    INCONSISTENT_MSR(0xC000_0920_0000_0000L, Detail.INFO),
    /** An MSR has a wrong value; its number is in the low word. */
    INCORRECT_MSR_VALUE(0xC000_0921_0000_0000L, Detail.INFO),
    /** A TDMR is malformed; its index is in the low byte. */
    INVALID_TDMR(0xC000_0A00_0000_0000L, Detail.INFO),
    /** TDMRs overlap or are not in ascending order. */
    NON_ORDERED_TDMR(0xC000_0A01_0000_0000L, Detail.INFO),
    /** A part of a TDMR that is not reserved lies outside every CMR. */
    TDMR_OUTSIDE_CMRS(0xC000_0A02_0000_0000L, Detail.INFO),
    /** The TDMR is initialised to its end. */
    TDMR_ALREADY_INITIALIZED(0x0000_0A03_0000_0000L, Detail.NONE),
    /** A PAMT area is malformed or too small; TDMR index, then level. */
    INVALID_PAMT(0xC000_0A10_0000_0000L, Detail.INFO),
    /** A PAMT area lies outside every CMR; TDMR index, then level. */
    PAMT_OUTSIDE_CMRS(0xC000_0A11_0000_0000L, Detail.INFO),
    /** A PAMT area overlaps another or usable TDMR memory. */
    PAMT_OVERLAP(0xC000_0A12_0000_0000L, Detail.INFO),
    /** A reserved area is malformed; TDMR index, then area index. */
    INVALID_RESERVED_IN_TDMR(0xC000_0A20_0000_0000L, Detail.INFO),
    /** Reserved areas overlap or are not in ascending order. */
    NON_ORDERED_RESERVED_IN_TDMR(0xC000_0A21_0000_0000L, Detail.INFO),
    /** The S-EPT walk ended above the level asked for. */
    EPT_WALK_FAILED(0xC000_0B00_0000_0000L, Detail.OPERAND),
    /** The S-EPT entry is free. */
    EPT_ENTRY_FREE(0xC000_0B01_0000_0000L, Detail.OPERAND),
    /** The S-EPT entry is not free. */
    EPT_ENTRY_NOT_FREE(0xC000_0B02_0000_0000L, Detail.OPERAND),
    /** The S-EPT entry maps no page. */
    EPT_ENTRY_NOT_PRESENT(0xC000_0B03_0000_0000L, Detail.OPERAND),
    /** The GPA range must be blocked first. */
    GPA_RANGE_NOT_BLOCKED(0xC000_0B06_0000_0000L, Detail.OPERAND),
    /** The GPA range is blocked already. */
    GPA_RANGE_ALREADY_BLOCKED(0x0000_0B07_0000_0000L, Detail.OPERAND),
    /** TLB tracking is not complete since the range was blocked. */
    TLB_TRACKING_NOT_DONE(0xC000_0B08_0000_0000L, Detail.OPERAND),
    /** The 512 entries cannot be merged. */
    EPT_INVALID_PROMOTE_CONDITIONS(0xC000_0B09_0000_0000L, Detail.OPERAND),
    /** The guest has accepted the page before; the level is in the low word. */
    PAGE_ALREADY_ACCEPTED(0x0000_0B0A_0000_0000L, Detail.INFO),
    /** The page is mapped smaller; the level is in the low word. */
    PAGE_SIZE_MISMATCH(0xC000_0B0B_0000_0000L, Detail.INFO),
    /** The GPA range is blocked. */
    GPA_RANGE_BLOCKED(0xC000_0B0C_0000_0000L, Detail.OPERAND),
    /** The S-EPT entry is in a state that the leaf does not allow. */
    EPT_ENTRY_STATE_INCORRECT(0xC000_0B0D_0000_0000L, Detail.OPERAND),
    /** An entry of the S-EPT page is in use. */
    EPT_PAGE_NOT_FREE(0xC000_0B0E_0000_0000L, Detail.OPERAND),
    /** The L2 S-EPT walk failed. */
    L2_SEPT_WALK_FAILED(0xC000_0B0F_0000_0000L, Detail.OPERAND),
    /** The L2 S-EPT entry is not free. */
    L2_SEPT_ENTRY_NOT_FREE(0xC000_0B10_0000_0000L, Detail.OPERAND),
    /** Guest side: the attributes of a page cannot go together. */
    PAGE_ATTR_INVALID(0xC000_0B11_0000_0000L, Detail.NONE),
    /** An L2 S-EPT page is needed and missing. */
    L2_SEPT_PAGE_NOT_PROVIDED(0xC000_0B12_0000_0000L, Detail.OPERAND),
    /** There is no such metadata field. */
    METADATA_FIELD_ID_INCORRECT(0xC000_0C00_0000_0000L, Detail.OPERAND),
    /** The metadata field, or what was to be written of it, cannot be written. */
    METADATA_FIELD_NOT_WRITABLE(0xC000_0C01_0000_0000L, Detail.OPERAND),
    /** The metadata field cannot be read. */
    METADATA_FIELD_NOT_READABLE(0xC000_0C02_0000_0000L, Detail.OPERAND),
    /** The metadata field cannot have this value. */
    METADATA_FIELD_VALUE_NOT_VALID(0xC000_0C03_0000_0000L, Detail.OPERAND),
    /** The metadata list has no room for all fields; a register has the id of the next one. */
    METADATA_LIST_OVERFLOW(0xC000_0C04_0000_0000L, Detail.OPERAND),
    /** No field was named; RDX is the first one. */
    METADATA_FIRST_FIELD_ID_IN_CONTEXT(0x0000_0C0B_0000_0000L, Detail.NONE);

    /** What the low 32 bits of a status mean. */
    private enum Detail {
        NONE,
        OPERAND,
        INFO
    }

    private static final long LOW_WORD = 0xFFFF_FFFFL;
    private static final Map<Long, TdxStatus> BY_CODE = new HashMap<>();

    static {
        Arrays.stream(values()).forEach(status -> BY_CODE.put(status.code, status));
    }

    private final long code;
    private final Detail detail;

    TdxStatus(long code, Detail detail) {
        this.code = code;
        this.detail = detail;
    }

    /**
     * The status word with nothing in its low 32 bits.
     *
     * @return the upper half of the status, as a whole word
     */
    public long code() {
        return code;
    }

    /**
     * The status word that names an operand.
     *
     * @param operand the operand that the status is about
     * @return the status word
     */
    public long with(TdxOperand operand) {
        return code | operand.id();
    }

    /**
     * The status word with other details in its low 32 bits.
     *
     * @param details an index, level or state; only the low 32 bits are used
     * @return the status word
     */
    public long with(long details) {
        return code | (details & LOW_WORD);
    }

    /**
     * Whether a status word is this status, whatever its low 32 bits say.
     *
     * @param status a status word
     * @return true if only the low 32 bits differ
     */
    public boolean matches(long status) {
        return (status & ~LOW_WORD) == code;
    }

    /**
     * The name that the ABI gives this status.
     *
     * @return the name with its prefix, such as {@code TDX_OPERAND_BUSY}
     */
    public String abiName() {
        return "TDX_" + name();
    }

    /**
     * Finds the status of a word.
     *
     * @param status a status word
     * @return the status, or null if the word is none that is known here
     */
    public static TdxStatus of(long status) {
        return BY_CODE.get(status & ~LOW_WORD);
    }

    /**
     * Whether a word reports a failure (bit 63). Words without it are successes, some with news.
     *
     * @param status a status word
     * @return true for an error
     */
    public static boolean isError(long status) {
        return status < 0;
    }

    /**
     * Whether a word reports a failure that may pass when the call is made again (bit 63 set, bit 62 clear).
     *
     * @param status a status word
     * @return true for a recoverable error
     */
    public static boolean isRecoverable(long status) {
        return isError(status) && (status & 1L << 62) == 0;
    }

    /**
     * The class of a status (bits 47:40): 2 for contention, 3 for page metadata, and so on.
     *
     * @param status a status word
     * @return the class, 0 to 255
     */
    public static int classOf(long status) {
        return (int) (status >>> 40) & 0xFF;
    }

    /**
     * The low 32 bits of a status: an operand id, an index, a level or a state.
     *
     * @param status a status word
     * @return the details
     */
    public static int detailsOf(long status) {
        return (int) status;
    }

    /**
     * The operand that a status names.
     *
     * @param status a status word
     * @return the operand, or null if the status is of a kind that names none
     */
    public static TdxOperand operandOf(long status) {
        TdxStatus known = of(status);
        return known != null && known.detail == Detail.OPERAND ? TdxOperand.ofId((int) status) : null;
    }

    /**
     * A status word in readable form.
     *
     * @param status a status word
     * @return a text such as {@code TDX_OPERAND_BUSY|RDX (0x8000020000000002)}
     */
    public static String toString(long status) {
        TdxStatus known = of(status);
        String hex = String.format("0x%016x", status);
        if (known == null) {
            return "unknown status (" + hex + ")";
        }
        TdxOperand operand = operandOf(status);
        int details = detailsOf(status);
        String about = operand != null ? "|" + operand : details != 0 ? String.format("|0x%x", details) : "";
        return known.abiName() + about + " (" + hex + ")";
    }
}
