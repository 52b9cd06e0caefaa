package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.Locale;

/** How recordings write registers and statuses. */
final class Registers {
    private Registers() {}

    static String name(TdxOperand register) {
        return register.name().toLowerCase(Locale.ROOT);
    }

    /** The inputs of a call: those that it lists, and what the recording says of the others. */
    static SeamcallRegisters inputs(JsonValue in, JsonValue unlisted) {
        SeamcallRegisters regs = new SeamcallRegisters();
        for (TdxOperand register : SeamcallRegisters.OPERANDS) {
            JsonValue listed = in.find(name(register));
            regs.set(register, (listed == null ? unlisted.get(name(register)) : listed).number());
        }
        return regs;
    }

    /** RAX of a call: what it lists, or the number of its leaf. */
    static long rax(JsonValue line) {
        JsonValue rax = line.get("in").find("rax");
        return (rax == null ? line.get("leaf_no") : rax).number();
    }

    static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }

    /** A status as recordings gloss it: {@code TDX_OPERAND_BUSY/RCX}. */
    static String gloss(long status) {
        TdxStatus known = TdxStatus.of(status);
        if (known == null) {
            return hex(status);
        }
        if (known == TdxStatus.PAMT_PAGE_NOT_EMPTY) {
            return known.abiName() + "/pair_page_" + TdxStatus.detailsOf(status);
        }
        TdxOperand operand = TdxStatus.operandOf(status);
        return known.abiName() + (operand == null ? "" : "/" + operand);
    }
}
