package dev.pamt.impl.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.Tdmr;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PhysicalRanges;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TdmrLayoutTest {
    private static final long PAGE = 1L << 12;
    private static final long MIB = 1L << 20;
    private static final long GIB = 1L << 30;

    @ParameterizedTest
    @CsvSource({
        "tdx-1tb,              5, 1024, 4202516, 40980",
        "tdx-256gb-many-holes, 5,  256, 1050644, 10260",
        "server-768gb,         9,  768, 3151908, 30756",
    })
    void realServersGetTheTdmrsAndPamtThatTheyPrint(String server, int tdmrs, long gib, long staticKb, long dynamicKb) {
        MemoryMap map = Servers.map(server);
        List<Tdmr> withStaticPamt = TdmrLayout.of(map.ram(), module(false, map.cmrs()));
        assertEquals(tdmrs, withStaticPamt.size());
        assertEquals(
                gib * GIB,
                withStaticPamt.stream().mapToLong(tdmr -> tdmr.range().bytes()).sum());
        assertEquals(staticKb, pamtKb(withStaticPamt));
        assertEquals(dynamicKb, pamtKb(TdmrLayout.of(map.ram(), module(true, map.cmrs()))));
    }

    @ParameterizedTest
    @CsvSource({"252, 3, 1034220, 10092", "992, 6, 4071192, 39704"})
    void printedSizesFollowFromGibAndTdmrs(long gib, int tdmrs, long staticKb, long dynamicKb) {
        List<PhysicalRange> ram = new ArrayList<>();
        for (long i = 0; i < tdmrs; i++) {
            long bytes = (i == 0 ? gib - (tdmrs - 1) * (gib / tdmrs) : gib / tdmrs) * GIB;
            ram.add(new PhysicalRange((1 + 1024 * i) * GIB, bytes));
        }
        assertEquals(staticKb, pamtKb(TdmrLayout.of(ram, module(false, ram))));
        assertEquals(dynamicKb, pamtKb(TdmrLayout.of(ram, module(true, ram))));
    }

    @ParameterizedTest
    @ValueSource(strings = {Servers.TDX_1TB, Servers.TDX_256GB_MANY_HOLES, Servers.SERVER_768GB})
    void aPamtBlockThatLiesBesideAHoleCostsNoReservedArea(String server) {
        MemoryMap map = Servers.map(server);
        for (Tdmr tdmr : TdmrLayout.of(map.ram(), module(true, map.cmrs()))) {
            List<PhysicalRange> holes = PhysicalRanges.holes(tdmr.range(), map.cmrs());
            assertEquals(Math.max(1, holes.size()), tdmr.reserved().size(), tdmr::toString);
        }
    }

    @Test
    void aRangeThatBeginsInsideTheTdmrBeforeIsCoveredFromItsEnd() {
        List<PhysicalRange> ram = List.of(between(MIB, GIB + MIB), between(GIB + 512 * MIB, 3 * GIB + MIB));
        List<Tdmr> tdmrs = TdmrLayout.of(ram, module(true, ram));
        assertEquals(
                List.of(between(0, 2 * GIB), between(2 * GIB, 4 * GIB)),
                tdmrs.stream().map(Tdmr::range).toList());
    }

    @Test
    void neighboursAreMergedWhenThereAreMoreThanTheModuleTakes() {
        List<PhysicalRange> ram = new ArrayList<>();
        for (long i = 0; i < 64; i++) {
            ram.add(new PhysicalRange((1 + 100 * i) * GIB, GIB));
        }
        // Two more, one of them nearer to its neighbour than all others.
        ram.add(new PhysicalRange((1 + 100 * 64) * GIB, GIB));
        ram.add(new PhysicalRange((1 + 100 * 64 + 3) * GIB, GIB));
        List<PhysicalRange> tdmrs =
                TdmrLayout.of(ram, module(true, ram)).stream().map(Tdmr::range).toList();
        assertEquals(64, tdmrs.size());
        assertTrue(tdmrs.contains(between((1 + 100 * 64) * GIB, (1 + 100 * 64 + 4) * GIB)), tdmrs::toString);
        assertEquals(
                101 * GIB, tdmrs.stream().mapToLong(PhysicalRange::bytes).max().orElseThrow());
    }

    @Test
    void aTdmrWithoutRoomForItsPamtPutsItElsewhere() {
        List<PhysicalRange> ram = List.of(between(16 * MIB, 17 * MIB), between(4 * GIB, 8 * GIB));
        List<Tdmr> tdmrs = TdmrLayout.of(ram, module(false, ram));
        assertTrue(tdmrs.get(0).pamt4K().baseHpa() >= 4 * GIB);
        assertEquals(
                List.of(between(0, 16 * MIB), between(17 * MIB, GIB)),
                tdmrs.get(0).reserved());
        // Its own block and the guest one lie side by side.
        assertEquals(1, tdmrs.get(1).reserved().size());
    }

    @Test
    void ramThatCannotHoldItsPamtIsRefused() {
        List<PhysicalRange> ram = List.of(between(16 * MIB, 20 * MIB));
        IllegalArgumentException refusal =
                assertThrows(IllegalArgumentException.class, () -> TdmrLayout.of(ram, module(false, ram)));
        assertTrue(refusal.getMessage().contains("needs 4108 KB of RAM in one piece"), refusal::getMessage);
    }

    @Test
    void moreHolesThanReservedAreasAreRefused() {
        List<PhysicalRange> ram = new ArrayList<>();
        for (long i = 0; i < 17; i++) {
            ram.add(new PhysicalRange(GIB + 32 * i * MIB, 16 * MIB));
        }
        IllegalArgumentException refusal =
                assertThrows(IllegalArgumentException.class, () -> TdmrLayout.of(ram, module(true, ram)));
        assertTrue(refusal.getMessage().contains("17 holes"), refusal::getMessage);
        // The CMRs that a memory map derives have none too many.
        checkRules(
                ram,
                MemoryMap.of(ram).cmrs(),
                TdmrLayout.of(ram, module(true, MemoryMap.of(ram).cmrs())));
    }

    @Test
    void asManyHolesAsReservedAreasAreAccepted() {
        List<PhysicalRange> ram = new ArrayList<>();
        for (long i = 0; i < 15; i++) {
            ram.add(new PhysicalRange(GIB + 64 * i * MIB, 32 * MIB));
        }
        // The sixteenth reaches to the end of the gigabyte, so there are fifteen holes and one area is left for the
        // PAMT.
        ram.add(new PhysicalRange(GIB + 960 * MIB, 64 * MIB));
        assertEquals(1, TdmrLayout.of(ram, module(true, ram)).size());
        List<PhysicalRange> sixteen = new ArrayList<>(ram.subList(0, 15));
        sixteen.add(new PhysicalRange(GIB + 960 * MIB, 32 * MIB));
        List<Tdmr> tdmrs = TdmrLayout.of(sixteen, module(true, sixteen));
        assertEquals(16, tdmrs.get(0).reserved().size(), "the PAMT lies beside a hole");
    }

    @Test
    void aBlockThatWouldCostItsTdmrOneReservedAreaTooManyGoesElsewhere() {
        PhysicalRange low = between(GIB + 16 * MIB, GIB + 512 * MIB);
        PhysicalRange high = between(3 * GIB, 4 * GIB);
        List<PhysicalRange> cmrs = List.of(between(GIB, 2 * GIB - 64 * MIB), high);
        List<Tdmr> tdmrs = TdmrLayout.of(List.of(low, high), new ModuleMetadata(true, 64, 1, 16, 16, 16, 1, cmrs));
        assertTrue(high.contains(tdmrs.get(0).pamt4K()), () -> tdmrs.get(0).toString());
        assertEquals(List.of(between(2 * GIB - 64 * MIB, 2 * GIB)), tdmrs.get(0).reserved());
        assertEquals(1, tdmrs.get(1).reserved().size());
    }

    @Test
    void aGuestBlockGoesWhereItCostsNothingHoweverManyHolesThereAreAlready() {
        List<PhysicalRange> ram = List.of(
                between(16 * MIB, 17 * MIB),
                between(4 * GIB, 8 * GIB),
                between(12 * GIB, 12 * GIB + 256 * MIB),
                between(12 * GIB + 320 * MIB, 12 * GIB + 512 * MIB),
                between(12 * GIB + 576 * MIB, 13 * GIB));
        List<Tdmr> tdmrs = TdmrLayout.of(ram, module(false, ram));
        assertEquals(3, tdmrs.size());
        assertTrue(
                tdmrs.get(0).pamt4K().baseHpa() >= 12 * GIB, () -> tdmrs.get(0).toString());
        assertEquals(2, tdmrs.get(2).reserved().size());
    }

    @Test
    void aTdmrThatHasRoomHoldsItsOwnPamt() {
        List<PhysicalRange> ram = List.of(between(4 * GIB, 8 * GIB), between(12 * GIB, 16 * GIB));
        for (Tdmr tdmr : TdmrLayout.of(ram, module(false, ram))) {
            assertTrue(tdmr.range().contains(tdmr.pamt4K()), tdmr::toString);
        }
    }

    @Test
    void neighboursAreNotMergedIfNoReservedAreaIsLeftForThePamt() {
        List<PhysicalRange> ram = List.of(between(GIB, 2 * GIB), between(3 * GIB, 4 * GIB));
        ModuleMetadata oneArea = new ModuleMetadata(true, 1, 1, 16, 16, 16, 1, ram);
        assertTrue(assertThrows(IllegalArgumentException.class, () -> TdmrLayout.of(ram, oneArea))
                .getMessage()
                .contains("no two neighbours can be merged"));
        assertEquals(
                1,
                TdmrLayout.of(ram, new ModuleMetadata(true, 1, 2, 16, 16, 16, 1, ram))
                        .size());
    }

    @Test
    void ofNeighboursThatAreEquallyNearTheLowestAreMerged() {
        List<PhysicalRange> ram = new ArrayList<>();
        for (long i = 0; i < 65; i++) {
            ram.add(new PhysicalRange((1 + 4 * i) * GIB, GIB));
        }
        List<Tdmr> tdmrs = TdmrLayout.of(ram, module(true, ram));
        assertEquals(between(GIB, 6 * GIB), tdmrs.get(0).range());
    }

    @Test
    void ramThatHoldsItsPamtExactlyIsEnough() {
        long bytes = module(false, List.of()).pamtBytes(GIB);
        List<PhysicalRange> ram = List.of(new PhysicalRange(16 * MIB, bytes));
        Tdmr tdmr = TdmrLayout.of(ram, module(false, ram)).get(0);
        assertEquals(16 * MIB, tdmr.pamt4K().baseHpa());
        assertEquals(bytes, tdmr.pamtBytes());
    }

    @Test
    void theSizesOfThePamtAreWholePagesAndATdmrInfoIsAligned() {
        ModuleMetadata module = module(true, List.of());
        assertEquals(PAGE, module.pamt4KBytes(8 * PAGE * PAGE), "a bit for each page");
        assertEquals(2 * PAGE, module.pamt4KBytes(8 * PAGE * PAGE + PAGE));
        assertEquals(2 * PAGE, new ModuleMetadata(true, 64, 16, 16, 16, 16, 2, List.of()).pamt4KBytes(8 * PAGE * PAGE));
        assertEquals(512, new ModuleMetadata(true, 64, 28, 16, 16, 16, 1, List.of()).tdmrInfoBytes());
        assertEquals(1024, new ModuleMetadata(true, 64, 29, 16, 16, 16, 1, List.of()).tdmrInfoBytes());
        assertEquals(512, new ModuleMetadata(true, 64, 0, 16, 16, 16, 1, List.of()).tdmrInfoBytes());
    }

    @Test
    void theModuleRulesHoldForRandomMaps() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int round = 0; round < 300; round++) {
            MemoryMap map = RandomMaps.next(random);
            boolean dynamic = random.nextBoolean();
            try {
                checkRules(map.ram(), map.cmrs(), TdmrLayout.of(map.ram(), module(dynamic, map.cmrs())));
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError("seed " + seed + ", round " + round + ", " + map, e);
            }
        }
    }

    /** The rules of SYS.CONFIG (TDX module 1.5.25), and those of this layout. */
    private static void checkRules(List<PhysicalRange> ram, List<PhysicalRange> cmrs, List<Tdmr> tdmrs) {
        List<PhysicalRange> blocks = new ArrayList<>();
        long end = 0;
        for (Tdmr tdmr : tdmrs) {
            assertTrue(tdmr.range().baseHpa() >= end, "ascending");
            assertEquals(0, tdmr.range().baseHpa() % GIB);
            assertEquals(0, tdmr.range().bytes() % GIB);
            end = tdmr.range().endHpa();
            assertTrue(tdmr.reserved().size() <= 16, "reserved areas");
            for (PhysicalRange area : tdmr.reserved()) {
                assertTrue(tdmr.range().contains(area), "reserved area inside");
                assertEquals(0, (area.baseHpa() | area.bytes()) % PAGE);
            }
            assertEquals(tdmr.reserved(), PhysicalRanges.union(tdmr.reserved()), "reserved areas in order and apart");
            List<PhysicalRange> usable = PhysicalRanges.holes(tdmr.range(), tdmr.reserved());
            assertEquals(List.of(), PhysicalRanges.without(usable, cmrs), "what is not reserved is convertible");
            blocks.addAll(List.of(tdmr.pamt1G(), tdmr.pamt2M(), tdmr.pamt4K()));
        }
        assertEquals(
                blocks.stream().mapToLong(PhysicalRange::bytes).sum(),
                PhysicalRanges.union(blocks).stream()
                        .mapToLong(PhysicalRange::bytes)
                        .sum(),
                "PAMT areas do not overlap");
        assertEquals(List.of(), PhysicalRanges.without(PhysicalRanges.union(blocks), ram), "PAMT lies in RAM");
        List<PhysicalRange> ranges = tdmrs.stream().map(Tdmr::range).toList();
        assertEquals(List.of(), PhysicalRanges.without(ram, PhysicalRanges.union(ranges)), "all RAM is covered");
        List<PhysicalRange> reserved =
                tdmrs.stream().flatMap(tdmr -> tdmr.reserved().stream()).toList();
        assertEquals(
                List.of(),
                PhysicalRanges.without(PhysicalRanges.union(blocks), PhysicalRanges.union(reserved)),
                "PAMT is reserved");
    }

    private static long pamtKb(List<Tdmr> tdmrs) {
        return tdmrs.stream().mapToLong(Tdmr::pamtBytes).sum() / 1024;
    }

    private static ModuleMetadata module(boolean dynamicPamt, List<PhysicalRange> cmrs) {
        return new ModuleMetadata(dynamicPamt, 64, 16, 16, 16, 16, dynamicPamt ? 1 : 0, cmrs);
    }

    private static PhysicalRange between(long startHpa, long endHpa) {
        return PhysicalRange.between(startHpa, endHpa);
    }
}
