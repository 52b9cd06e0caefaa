package dev.pamt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.when;

import dev.pamt.seamcall.PhysicalRange;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TdmrTest {
    private static final long GIB = 1L << 30;

    private static Tdmr tdmr(long base, List<PhysicalRange> reserved) {
        return new Tdmr(
                new PhysicalRange(base, GIB),
                reserved,
                new PhysicalRange(base, 0x1000),
                new PhysicalRange(base + 0x1000, 0x2000),
                new PhysicalRange(base + 0x3000, 0x8000));
    }

    @Test
    void pamtTakesTheThreeAreas() {
        assertEquals(0xb000, tdmr(0, List.of()).pamtBytes());
    }

    @Test
    void theReservedAreasStayAsTheyWereGiven() {
        PhysicalRange hole = new PhysicalRange(0x10000, 0x1000);
        List<PhysicalRange> reserved = new ArrayList<>(List.of(hole));
        Tdmr tdmr = tdmr(0, reserved);
        reserved.clear();
        assertEquals(List.of(hole), tdmr.reserved());
    }

    @Test
    void thePamtOfAHostIsThatOfAllItsTdmrs() {
        TdxHost host = mock(TdxHost.class);
        when(host.tdmrs()).thenReturn(List.of(tdmr(0, List.of()), tdmr(GIB, List.of())));
        when(host.pamtBytes()).thenCallRealMethod();
        assertEquals(0x16000, host.pamtBytes());
    }
}
