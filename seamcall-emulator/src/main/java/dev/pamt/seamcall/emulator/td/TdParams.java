package dev.pamt.seamcall.emulator.td;

import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.memory.SparseMemory;

/**
 * TD_PARAMS: what MNG.INIT learns of a TD, as far as it matters here.
 *
 * <p>CPUID configuration and measurements are not looked at; there is no guest code that could see them.
 *
 * @param attributes the attributes of the TD
 * @param maxVcpus how many vCPUs it can have
 * @param l2Vms how many L2 VMs it has
 * @param rootLevel the level of the Secure EPT's root: 3 for four levels, 4 for five
 * @param wideGpa whether guest addresses have 52 bits and not 48
 * @param xfam the extended features of the TD
 * @param tscFrequency the frequency of the TD's clock in units of 25 MHz
 */
public record TdParams(
        long attributes, int maxVcpus, int l2Vms, int rootLevel, boolean wideGpa, long xfam, int tscFrequency) {
    /** The alignment of TD_PARAMS. */
    static final int ALIGNMENT = 1024;

    /** The number of vCPUs that a TD can have. */
    public static final int MAX_VCPUS = 576;

    private static final long SEPT_VE_DISABLE = 1L << 28;
    private static final long DEBUG = 1;

    /** The attributes that a TD can have: DEBUG, ICSSD, LASS, SEPT_VE_DISABLE, MIGRATABLE, PKS, PERFMON. */
    public static final long ATTRIBUTES_ALLOWED =
            DEBUG | 1L << 16 | 1L << 27 | SEPT_VE_DISABLE | 1L << 29 | 1L << 30 | 1L << 63;

    /** The extended features that every TD has. */
    public static final long XFAM_REQUIRED = 3;

    /** The extended features that a TD can have. */
    public static final long XFAM_ALLOWED = 0x6DBE7;

    /** The configuration flags that a TD can have. */
    public static final long CONFIG_FLAGS_ALLOWED = 0x1F;

    private static final int MAX_L2_VMS = 3;
    private static final long XFAM_AVX = 1L << 2;
    private static final long XFAM_AVX512 = 7L << 5;
    private static final long XFAM_CET = 3L << 11;
    private static final long XFAM_AMX = 3L << 17;
    /** In the word at offset 16, the bits beside the one flag of MSR_CONFIG_CTLS; they are looked at late. */
    private static final long RESERVED_MSR_CONFIG = 0x7FL << 25;

    private static final long EPTP_WRITE_BACK = 6;
    private static final int MIN_TSC_FREQUENCY = 4;
    private static final int MAX_TSC_FREQUENCY = 400;
    private static final long WIDE_GPA = 1;

    /** Whether the host may look inside. */
    public boolean debug() {
        return (attributes & DEBUG) != 0;
    }

    /** Whether an access to a pending page exits to the host and does not raise #VE. */
    public boolean septVeDisable() {
        return (attributes & SEPT_VE_DISABLE) != 0;
    }

    /** The number of address bits below the one that makes a guest address shared. */
    public int privateGpaBits() {
        return wideGpa ? 51 : 47;
    }

    /** Checks TD_PARAMS in memory, in the module's order; the status, or 0. */
    static long check(SparseMemory memory, long hpa, int controlPages) {
        if ((memory.read64(hpa) & ~ATTRIBUTES_ALLOWED) != 0) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.ATTRIBUTES);
        }
        long xfam = memory.read64(hpa + 8);
        if (!isPossible(xfam)) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.XFAM);
        }
        long word2 = memory.read64(hpa + 16);
        int maxVcpus = (int) (word2 & 0xFFFF);
        if (maxVcpus == 0 || maxVcpus > MAX_VCPUS) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.MAX_VCPUS);
        }
        int l2Vms = (int) (word2 >>> 16 & 0xFF);
        if (l2Vms > MAX_L2_VMS) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.NUM_L2_VMS);
        }
        if (controlPages < Td.MIN_CONTROL_PAGES + l2Vms) {
            return TdxStatus.TDCS_NOT_ALLOCATED.code();
        }
        if (word2 >>> 32 != 0) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX);
        }
        long flags = memory.read64(hpa + 32);
        if ((flags & ~CONFIG_FLAGS_ALLOWED) != 0) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.EXEC_CONTROLS);
        }
        long eptp = memory.read64(hpa + 24);
        long levels = eptp >>> 3;
        boolean wide = (flags & WIDE_GPA) != 0;
        if ((eptp & 7) != EPTP_WRITE_BACK || (levels != 3 && levels != 4) || (wide && levels != 4)) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.EPTP_CONTROLS);
        }
        long word5 = memory.read64(hpa + 40);
        int tscFrequency = (int) (word5 & 0xFFFF);
        if (tscFrequency < MIN_TSC_FREQUENCY || tscFrequency > MAX_TSC_FREQUENCY) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.TSC_FREQUENCY);
        }
        boolean reservedSet = word5 >>> 16 != 0 || (word2 & RESERVED_MSR_CONFIG) != 0;
        for (long offset = 48; offset < 80; offset += Long.BYTES) {
            reservedSet |= memory.read64(hpa + offset) != 0;
        }
        for (long offset = 232; offset < 256; offset += Long.BYTES) {
            reservedSet |= memory.read64(hpa + offset) != 0;
        }
        return reservedSet ? TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX) : 0;
    }

    /** Whether a TD can have the features: some go together, and AVX-512 needs AVX. */
    private static boolean isPossible(long xfam) {
        return (xfam & XFAM_REQUIRED) == XFAM_REQUIRED
                && (xfam & ~XFAM_ALLOWED) == 0
                && isAllOrNone(xfam, XFAM_AVX512)
                && ((xfam & XFAM_AVX512) == 0 || (xfam & XFAM_AVX) != 0)
                && isAllOrNone(xfam, XFAM_CET)
                && isAllOrNone(xfam, XFAM_AMX);
    }

    private static boolean isAllOrNone(long xfam, long together) {
        return (xfam & together) == 0 || (xfam & together) == together;
    }

    /** Reads TD_PARAMS that have passed the check. */
    static TdParams read(SparseMemory memory, long hpa) {
        long word2 = memory.read64(hpa + 16);
        return new TdParams(
                memory.read64(hpa),
                (int) (word2 & 0xFFFF),
                (int) (word2 >>> 16 & 0xFF),
                (int) (memory.read64(hpa + 24) >>> 3),
                (memory.read64(hpa + 32) & WIDE_GPA) != 0,
                memory.read64(hpa + 8),
                (int) (memory.read64(hpa + 40) & 0xFFFF));
    }
}
