package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;

/** How recordings write registers and statuses. */
final class Registers {
    private Registers() {}

    static String name(TdxOperand register) {
        return register.name().toLowerCase(Locale.ROOT);
    }

    /** The registers that an object lists. */
    static Map<TdxOperand, Long> listed(JsonValue object) {
        Map<TdxOperand, Long> registers = new EnumMap<>(TdxOperand.class);
        for (TdxOperand register : SeamcallRegisters.OPERANDS) {
            JsonValue value = object.find(name(register));
            if (value != null) {
                registers.put(register, value.number());
            }
        }
        return registers;
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
