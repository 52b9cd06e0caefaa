package dev.pamt.seamcall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SeamcallRegistersTest {
    private static final Set<TdxOperand> GENERAL = EnumSet.range(TdxOperand.RCX, TdxOperand.R15);
    private static final String ALL_SET =
            "rcx=0x1 rdx=0x2 rbx=0x3 rsi=0x6 rdi=0x7 r8=0x8 r9=0x9 r10=0xa r11=0xb r12=0xc"
                    + " r13=0xd r14=0xe r15=0xf";

    static {
        GENERAL.remove(TdxOperand.RBP);
    }

    /** Every register holds the id of its operand. */
    private static SeamcallRegisters filled() {
        SeamcallRegisters regs = new SeamcallRegisters();
        GENERAL.forEach(register -> regs.set(register, register.id()));
        return regs;
    }

    @Test
    void theOperandsAreThoseOfTheRegistersInTheOrderOfTheirIds() {
        assertEquals(List.copyOf(GENERAL), SeamcallRegisters.OPERANDS);
    }

    @Test
    void everyRegisterIsWrittenAndReadByItsOperand() {
        SeamcallRegisters regs = filled();

        assertEquals(ALL_SET, regs.toString());
        GENERAL.forEach(register -> assertEquals(register.id(), regs.get(register), register.name()));
    }

    @Test
    void whatIsNoRegisterHereIsRefused() {
        SeamcallRegisters regs = new SeamcallRegisters();
        for (TdxOperand operand : EnumSet.complementOf(EnumSet.copyOf(GENERAL))) {
            assertThrows(IllegalArgumentException.class, () -> regs.get(operand), operand.name());
            assertThrows(IllegalArgumentException.class, () -> regs.set(operand, 1), operand.name());
        }
        IllegalArgumentException refused =
                assertThrows(IllegalArgumentException.class, () -> regs.get(TdxOperand.SEPT_TREE));
        assertEquals("SEPT_TREE is not one of the registers RCX, RDX, RBX, RSI, RDI, R8..R15", refused.getMessage());
    }

    @Test
    void clearZeroesEveryRegister() {
        SeamcallRegisters regs = filled();

        assertSame(regs, regs.clear());
        GENERAL.forEach(register -> assertEquals(0, regs.get(register), register.name()));
        assertEquals("all 0", regs.toString());
    }

    @Test
    void setCopiesEveryRegister() {
        SeamcallRegisters source = filled();
        SeamcallRegisters copy = new SeamcallRegisters();

        assertSame(copy, copy.set(source));
        source.clear();
        assertEquals(ALL_SET, copy.toString());
    }

    @Test
    void registersAreEqualIfEveryOneIs() {
        assertEquals(filled(), filled());
        assertEquals(filled().hashCode(), filled().hashCode());
        for (TdxOperand register : GENERAL) {
            SeamcallRegisters other = filled();
            other.set(register, -1);
            assertNotEquals(filled(), other, register.name());
            assertNotEquals(filled().hashCode(), other.hashCode(), register.name());
        }
        assertNotEquals(filled(), (Object) ALL_SET);
    }
}
