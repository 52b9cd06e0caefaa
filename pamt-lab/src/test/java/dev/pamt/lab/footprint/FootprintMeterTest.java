package dev.pamt.lab.footprint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.TdxHost;
import dev.pamt.lab.host.ControlPages;
import dev.pamt.lab.host.LabHost;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import org.junit.jupiter.api.Test;

class FootprintMeterTest {
    private static final long GIB = 1L << 30;
    private static final long TIB = 1L << 40;

    private final FootprintMeter meter = new FootprintMeter(new ControlPages(1, 6, 6));

    @Test
    void aSecureEptHasAPageForEach512EntriesOfEachLevel() {
        assertEquals(512 + 1 + 1 + 1, MappingSize.SIZE_4K.septPages(GIB));
        assertEquals(1 + 1 + 1, MappingSize.SIZE_2M.septPages(GIB));
        assertEquals(1 + 1, MappingSize.SIZE_1G.septPages(GIB));
        assertEquals(704 + 2 + 1, MappingSize.SIZE_2M.septPages(704 * GIB));
        assertEquals(2 * TIB / (2L << 20) + 2048 + 4 + 1, MappingSize.SIZE_4K.septPages(2 * TIB));
    }

    @Test
    void aGuestOf4KPagesHasAPairForEachRegion() {
        Footprint footprint = meter.count(1, new TdShape(2 * GIB, MappingSize.SIZE_4K, 4));
        long others = 7 + 4 * 6 + 1024 + 2 + 1 + 1;
        assertEquals(1024, footprint.guestPairs());
        assertEquals(others, footprint.otherPages());
        assertEquals(1024 + (others + 511) / 512, footprint.pairs());
        assertEquals(1024 + others, footprint.mostPairs());
        assertEquals(0, footprint.leftPairs());
    }

    @Test
    void aGuestOfHugePagesHasPairsForItsControlPagesOnly() {
        for (MappingSize mapping : new MappingSize[] {MappingSize.SIZE_2M, MappingSize.SIZE_1G}) {
            Footprint footprint = meter.count(3, new TdShape(4 * GIB, mapping, 1));
            assertEquals(0, footprint.guestPairs());
            assertEquals(1, footprint.pairs());
            assertEquals(0, footprint.leftPairs());
        }
    }

    @Test
    void theEmulatorCountsTheSame() {
        TdShape shape = new TdShape(3 * GIB, MappingSize.SIZE_4K, 2);
        assertEquals(meter.count(2, shape), meter.countOn(SeamcallProviderFactory.named("emulator"), 2, shape));
    }

    @Test
    void memoryAbove48BitsIsRefused() {
        IllegalArgumentException refused = assertThrows(
                IllegalArgumentException.class,
                () -> FootprintMeter.memoryFor(4, new TdShape(64 * TIB, MappingSize.SIZE_4K, 1)));
        assertEquals(
                "4 TDs of 65536 GiB need memory above 2^48, which Dynamic PAMT cannot describe", refused.getMessage());
    }

    @Test
    void theModuleRefusesJustWhatTheFormulaSays() {
        HostSpan low = new HostSpan(4 * GIB, 1L << 48);
        HostSpan high = new HostSpan(4 * GIB, (1L << 48) + GIB);
        for (HostSpan span : new HostSpan[] {low, high}) {
            try (TdxHost host = LabHost.bringUp(SeamcallProviderFactory.named("emulator"), span.memory())) {
                assertEquals(span.moduleTakesDynamicPamt(), host.dynamicPamt(), span::toString);
            }
        }
    }

    @Test
    void theCountsOfLinuxGoByTheirFormulas() {
        HostSpan span = new HostSpan(256 * GIB, 1L << 52);
        assertEquals(8 * GIB, span.flatCountBytes());
        assertEquals(512 << 10, span.sparseCountBytes());
        assertEquals(512 << 10, new HostSpan(256 * GIB, 256 * GIB).flatCountBytes());
    }

    @Test
    void anIdleManagerIsSmallWhereverTheRamLies() throws InterruptedException {
        ManagerHeap.of(new HostSpan(GIB, GIB).memory());
        ManagerHeap heap = ManagerHeap.of(new HostSpan(16 * GIB, 1L << 52).memory());
        assertTrue(heap.idleBytes() < 2 << 20, heap::toString);
        assertTrue(heap.touchedBytes() < 4 << 20, heap::toString);
    }

    @Test
    void theCountingModuleKnowsItsPairs() {
        CountingModule module = new CountingModule();
        SeamcallRegisters regs = new SeamcallRegisters();
        regs.rcx = (5L << 21) | 1;
        regs.rdx = 0x1000;
        regs.r8 = 0x2000;
        assertEquals(0, module.seamcall(SeamcallLeaf.PHYMEM_PAMT_ADD.rax(), regs));
        assertEquals(1, module.pairs());
        assertEquals(
                TdxStatus.HPA_RANGE_NOT_FREE.with(TdxOperand.RCX),
                module.seamcall(SeamcallLeaf.PHYMEM_PAMT_ADD.rax(), regs));
        regs.rdx = 0;
        regs.r8 = 0;
        assertEquals(0, module.seamcall(SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax(), regs));
        assertEquals(0x1000, regs.rdx);
        assertEquals(0x2000, regs.r8);
        assertEquals(0, module.pairs());
        assertEquals(
                TdxStatus.NO_PAMT_PAGE_PAIR.with(TdxOperand.RCX),
                module.seamcall(SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax(), regs));
    }
}
