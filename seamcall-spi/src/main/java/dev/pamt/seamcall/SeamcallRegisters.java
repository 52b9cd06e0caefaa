package dev.pamt.seamcall;

import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * The general registers of one SEAMCALL, apart from RAX.
 *
 * <p>A plain structure with public fields, like {@code struct tdx_module_args} in Linux: it is filled, passed, read and
 * used again. RBP and RSP take no part in the ABI and are missing.
 *
 * <p><b>Thread-safety:</b> none; one thread at a time. Make one for each thread, or one for each call.
 */
public final class SeamcallRegisters {
    /** The operands that name the registers of this structure, in the order of their ids. */
    public static final List<TdxOperand> OPERANDS = List.of(
            TdxOperand.RCX,
            TdxOperand.RDX,
            TdxOperand.RBX,
            TdxOperand.RSI,
            TdxOperand.RDI,
            TdxOperand.R8,
            TdxOperand.R9,
            TdxOperand.R10,
            TdxOperand.R11,
            TdxOperand.R12,
            TdxOperand.R13,
            TdxOperand.R14,
            TdxOperand.R15);

    /** Register RCX. */
    public long rcx;

    /** Register RDX. */
    public long rdx;

    /** Register RBX. */
    public long rbx;

    /** Register RSI. */
    public long rsi;

    /** Register RDI. */
    public long rdi;

    /** Register R8. */
    public long r8;

    /** Register R9. */
    public long r9;

    /** Register R10. */
    public long r10;

    /** Register R11. */
    public long r11;

    /** Register R12. */
    public long r12;

    /** Register R13. */
    public long r13;

    /** Register R14. */
    public long r14;

    /** Register R15. */
    public long r15;

    /** Makes registers that are all zero. */
    public SeamcallRegisters() {}

    /**
     * Sets every register to zero.
     *
     * @return this
     */
    public SeamcallRegisters clear() {
        rcx = 0;
        rdx = 0;
        rbx = 0;
        rsi = 0;
        rdi = 0;
        r8 = 0;
        r9 = 0;
        r10 = 0;
        r11 = 0;
        r12 = 0;
        r13 = 0;
        r14 = 0;
        r15 = 0;
        return this;
    }

    /**
     * Copies every register.
     *
     * @param source the registers to copy from
     * @return this
     */
    public SeamcallRegisters set(SeamcallRegisters source) {
        rcx = source.rcx;
        rdx = source.rdx;
        rbx = source.rbx;
        rsi = source.rsi;
        rdi = source.rdi;
        r8 = source.r8;
        r9 = source.r9;
        r10 = source.r10;
        r11 = source.r11;
        r12 = source.r12;
        r13 = source.r13;
        r14 = source.r14;
        r15 = source.r15;
        return this;
    }

    /**
     * Reads a register by its operand.
     *
     * @param register one of {@link #OPERANDS}
     * @return its value
     * @throws IllegalArgumentException if the operand is no register of this structure
     */
    public long get(TdxOperand register) {
        return switch (register) {
            case RCX -> rcx;
            case RDX -> rdx;
            case RBX -> rbx;
            case RSI -> rsi;
            case RDI -> rdi;
            case R8 -> r8;
            case R9 -> r9;
            case R10 -> r10;
            case R11 -> r11;
            case R12 -> r12;
            case R13 -> r13;
            case R14 -> r14;
            case R15 -> r15;
            default -> throw noRegister(register);
        };
    }

    /**
     * Writes a register by its operand.
     *
     * @param register one of {@link #OPERANDS}
     * @param value the value to store
     * @throws IllegalArgumentException if the operand is no register of this structure
     */
    public void set(TdxOperand register, long value) {
        switch (register) {
            case RCX -> rcx = value;
            case RDX -> rdx = value;
            case RBX -> rbx = value;
            case RSI -> rsi = value;
            case RDI -> rdi = value;
            case R8 -> r8 = value;
            case R9 -> r9 = value;
            case R10 -> r10 = value;
            case R11 -> r11 = value;
            case R12 -> r12 = value;
            case R13 -> r13 = value;
            case R14 -> r14 = value;
            case R15 -> r15 = value;
            default -> throw noRegister(register);
        }
    }

    private static IllegalArgumentException noRegister(TdxOperand register) {
        return new IllegalArgumentException(register + " is not one of the registers RCX, RDX, RBX, RSI, RDI, R8..R15");
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof SeamcallRegisters that
                && rcx == that.rcx
                && rdx == that.rdx
                && rbx == that.rbx
                && rsi == that.rsi
                && rdi == that.rdi
                && r8 == that.r8
                && r9 == that.r9
                && r10 == that.r10
                && r11 == that.r11
                && r12 == that.r12
                && r13 == that.r13
                && r14 == that.r14
                && r15 == that.r15;
    }

    @Override
    public int hashCode() {
        return Objects.hash(rcx, rdx, rbx, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15);
    }

    /** The registers that are not zero, in hexadecimal: {@code rcx=0x102000001 rdx=0x102200000}. */
    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        for (TdxOperand register : OPERANDS) {
            if (get(register) != 0) {
                text.append(text.isEmpty() ? "" : " ")
                        .append(register.name().toLowerCase(Locale.ROOT))
                        .append("=0x")
                        .append(Long.toHexString(get(register)));
            }
        }
        return text.isEmpty() ? "all 0" : text.toString();
    }
}
