package dev.pamt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.PhysicalRange;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class MemoryMapTest {
    private static final long KIB = 1L << 10;
    private static final long MIB = 1L << 20;
    private static final long GIB = 1L << 30;

    @Test
    void neighboursAreJoinedAndSorted() {
        MemoryMap map = MemoryMap.of(List.of(
                between(4 * GIB, 5 * GIB), between(MIB, GIB), between(GIB, 2 * GIB), between(5 * GIB, 6 * GIB)));
        assertEquals(List.of(between(MIB, 2 * GIB), between(4 * GIB, 6 * GIB)), map.ram());
        assertEquals(map.ram(), map.cmrs());
        assertEquals(4 * GIB - MIB, map.ramBytes());
        assertEquals(6 * GIB, map.endHpa());
    }

    @Test
    void theFirstMibAndPartsOfPagesAreLeftOut() {
        MemoryMap map = MemoryMap.of(List.of(
                between(0, 0x9fc00),
                between(0x100400, 0x200c00),
                between(0x300001, 0x300fff),
                between(0x400800, 0x401800),
                between(GIB, 2 * GIB)));
        assertEquals(List.of(between(0x101000, 0x200000), between(GIB, 2 * GIB)), map.ram());
    }

    @Test
    void ramOutsideTheCmrsIsLeftOut() {
        MemoryMap map = MemoryMap.of(
                List.of(between(MIB, 2 * GIB), between(4 * GIB, 8 * GIB)),
                List.of(between(MIB, GIB), between(5 * GIB, 6 * GIB), between(7 * GIB, 9 * GIB)));
        assertEquals(List.of(between(MIB, GIB), between(5 * GIB, 6 * GIB), between(7 * GIB, 8 * GIB)), map.ram());
    }

    @Test
    void mapsWithoutUsableRamAreRefused() {
        assertRefused("at least one whole 4K page", () -> MemoryMap.of(List.of()));
        assertRefused("above the first MiB", () -> MemoryMap.of(List.of(between(0, MIB))));
        assertRefused(
                "lies in the convertible memory ranges",
                () -> MemoryMap.of(List.of(between(GIB, 2 * GIB)), List.of(between(4 * GIB, 8 * GIB))));
        assertRefused(
                "RAM ranges do not overlap",
                () -> MemoryMap.of(List.of(between(GIB, 3 * GIB), between(2 * GIB, 4 * GIB))));
    }

    @Test
    void moreCmrsThanAPlatformCanReportAreRefused() {
        List<PhysicalRange> cmrs = new ArrayList<>();
        for (long i = 1; i <= 33; i++) {
            cmrs.add(between(i * 2 * GIB, i * 2 * GIB + GIB));
        }
        assertRefused("a platform has at most 32 convertible memory ranges, not 33", () -> MemoryMap.of(cmrs, cmrs));
        assertEquals(32, MemoryMap.of(cmrs, cmrs.subList(0, 32)).cmrs().size());
        MemoryMap derived = MemoryMap.of(cmrs);
        assertEquals(33, derived.ram().size());
        assertEquals(32, derived.cmrs().size());
    }

    @Test
    void derivedCmrsCloseTheSmallestHolesUntilTheReservedAreasOfATdmrSuffice() {
        List<PhysicalRange> ram = new ArrayList<>();
        for (long i = 1; i <= 20; i++) {
            ram.add(between(GIB + 16 * i * MIB, GIB + 16 * i * MIB + 8 * MIB + i * 4 * KIB));
        }
        MemoryMap map = MemoryMap.of(ram);
        assertEquals(ram, map.ram());
        // 14 reserved areas are left when two are kept for PAMT: 2 at the ends of the TDMR, 12 between 13 ranges.
        assertEquals(13, map.cmrs().size());
        // The later a range, the smaller the hole behind it.
        assertEquals(ram.get(0), map.cmrs().get(0));
        assertEquals(ram.get(11), map.cmrs().get(11));
        assertEquals(
                between(ram.get(12).baseHpa(), ram.get(19).endHpa()), map.cmrs().get(12));
    }

    /** RAM of 1 MiB each, the holes between them as big as said, in MiB. */
    private static List<PhysicalRange> withHoles(long start, long... holes) {
        List<PhysicalRange> ram = new ArrayList<>();
        long at = start;
        for (long hole : holes) {
            ram.add(between(at, at + MIB));
            at += MIB + hole * MIB;
        }
        ram.add(between(at, at + MIB));
        return ram;
    }

    private static long[] equalHoles(int count) {
        long[] holes = new long[count];
        Arrays.fill(holes, 2);
        return holes;
    }

    @Test
    void aTdmrThatBeginsWithRamHas14HolesWithTheOneAtItsEnd() {
        List<PhysicalRange> ram = withHoles(8 * GIB, equalHoles(13));
        assertEquals(ram, MemoryMap.of(ram).cmrs());
        List<PhysicalRange> more = withHoles(8 * GIB, equalHoles(14));
        assertEquals(14, MemoryMap.of(more).cmrs().size());
    }

    @Test
    void aTdmrThatEndsWithRamHas14HolesWithTheOneAtItsStart() {
        List<PhysicalRange> ram = withHoles(9 * GIB - 40 * MIB, equalHoles(13));
        assertEquals(9 * GIB, ram.get(13).endHpa());
        assertEquals(ram, MemoryMap.of(ram).cmrs());
    }

    @Test
    void rangesOfOneTdmrAreLookedAtTogetherAndThoseOfAnotherApart() {
        List<PhysicalRange> ram = new ArrayList<>(withHoles(4 * GIB, equalHoles(13)));
        ram.addAll(withHoles(8 * GIB, equalHoles(13)));
        assertEquals(ram, MemoryMap.of(ram).cmrs());
    }

    @Test
    void theSmallestHoleIsClosedWhereverItIs() {
        List<PhysicalRange> ram = withHoles(8 * GIB, 9, 9, 9, 9, 9, 9, 3, 9, 9, 9, 9, 9, 9, 9);
        List<PhysicalRange> closed = new ArrayList<>(ram);
        closed.set(6, between(ram.get(6).baseHpa(), ram.get(7).endHpa()));
        closed.remove(7);
        assertEquals(closed, MemoryMap.of(ram).cmrs());
    }

    @Test
    void ofHolesOfOneSizeTheLowestIsClosed() {
        List<PhysicalRange> ram = withHoles(8 * GIB, equalHoles(14));
        assertEquals(
                between(8 * GIB, 8 * GIB + 4 * MIB), MemoryMap.of(ram).cmrs().get(0));
    }

    /** The holes at the ends of the TDMR are the smallest, and belong to its neighbours as well. */
    @Test
    void aHoleAtTheStartOrTheEndOfATdmrStays() {
        List<PhysicalRange> ram = new ArrayList<>(List.of(between(7 * GIB, 8 * GIB)));
        ram.addAll(withHoles(8 * GIB + MIB, equalHoles(13)));
        ram.add(between(9 * GIB - 10 * MIB, 9 * GIB - MIB));
        ram.add(between(9 * GIB, 10 * GIB));
        List<PhysicalRange> cmrs = MemoryMap.of(ram).cmrs();
        assertEquals(15, cmrs.size());
        assertEquals(between(7 * GIB, 8 * GIB), cmrs.get(0));
        assertEquals(between(9 * GIB, 10 * GIB), cmrs.get(14));
    }

    @Test
    void theMapThatNeedsNoMachineHas32GibWithAHoleBelow4Gib() {
        MemoryMap map = MemoryMap.synthetic();
        assertEquals(List.of(between(MIB, 2 * GIB), between(4 * GIB, 34 * GIB)), map.ram());
        assertEquals(map.ram(), map.cmrs());
    }

    @Test
    void anAddressIsFoundInItsRange() {
        MemoryMap map = MemoryMap.of(List.of(between(MIB, 2 * MIB), between(4 * GIB, 5 * GIB)));
        assertFalse(map.contains(MIB - 1));
        assertTrue(map.contains(MIB));
        assertTrue(map.contains(2 * MIB - 1));
        assertFalse(map.contains(2 * MIB));
        assertTrue(map.containsPage(5 * GIB - 4 * KIB));
        assertFalse(map.containsPage(5 * GIB));
        assertFalse(map.containsPage(4 * GIB + 1));
        assertFalse(map.contains(-1));
        assertFalse(map.contains(Long.MAX_VALUE));
    }

    @Test
    void findingAnAddressAgreesWithLookingAtEveryRange() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        List<PhysicalRange> ram = new ArrayList<>();
        long at = MIB;
        for (int i = 0; i < 40; i++) {
            long start = at + random.nextLong(1, 1000) * 4 * KIB;
            at = start + random.nextLong(1, 1000) * 4 * KIB;
            ram.add(between(start, at));
        }
        MemoryMap map = MemoryMap.of(ram);
        for (int i = 0; i < 10_000; i++) {
            long hpa = (long) (random.nextDouble() * (at + MIB));
            assertEquals(
                    ram.stream().anyMatch(range -> range.contains(hpa)),
                    map.contains(hpa),
                    () -> String.format("0x%x, seed %d", hpa, seed));
        }
    }

    @Test
    void equalMapsAreEqual() {
        MemoryMap map = MemoryMap.of(List.of(between(MIB, 2 * GIB)));
        MemoryMap same = MemoryMap.of(List.of(between(MIB, GIB), between(GIB, 2 * GIB)));
        assertEquals(map, same);
        assertEquals(map.hashCode(), same.hashCode());
        MemoryMap moreCmrs = MemoryMap.of(map.ram(), List.of(between(MIB, 4 * GIB)));
        assertNotEquals(map, moreCmrs);
        assertNotEquals(map.hashCode(), moreCmrs.hashCode());
        assertNotEquals(map, MemoryMap.of(List.of(between(MIB, GIB)), map.cmrs()));
        assertEquals("RAM: [0x100000, 0x80000000); CMR: [0x100000, 0x80000000)", map.toString());
    }

    @Test
    void ioMemIsRead() {
        MemoryMap map = MemoryMap.parse("""
                00000000-00000fff : Reserved
                00001000-0009fbff : System RAM
                0009fc00-000fffff : Reserved
                  000f0000-000fffff : System ROM
                00100000-bfffffff : System RAM
                  01000000-02209987 : Kernel code
                  02400000-02e09fff : System RAM
                c0001000-eebfffff : PCI Bus 0000:00
                100000000-63fffffff : System RAM
                4000000000-7fffffffff : PCI Bus 0000:00
                """.lines().toList(), "/proc/iomem");
        assertEquals(List.of(between(MIB, 3 * GIB), between(4 * GIB, 25 * GIB)), map.ram());
    }

    @Test
    void ioMemAsAnUnprivilegedReaderSeesItNeedsRoot() {
        List<String> lines = List.of(
                "00000000-00000000 : Reserved", "00000000-00000000 : System RAM", "  00000000-00000000 : Kernel");
        assertRefused("/proc/iomem has to be read as root", () -> MemoryMap.parse(lines, "/proc/iomem"));
    }

    @Test
    void textBeforeTheLinesOfABootLogDoesNotMatter() {
        MemoryMap map = MemoryMap.parse(
                List.of(
                        "[    0.000000] Linux version 6.16",
                        "[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable",
                        "kernel: BIOS-e820: [mem 0x0000000080000000-0x000000008fffffff] reserved",
                        "Jan 01 00:00:00 host kernel: BIOS-e820: [mem 0x0000000100000000-0x00000001ffffffff] usable"),
                "log");
        assertEquals(List.of(between(MIB, 2 * GIB), between(4 * GIB, 8 * GIB)), map.ram());
    }

    @Test
    void withCmrsOnlyTheUsablePartOfThemIsRam() {
        MemoryMap map = server("tdx-256gb-many-holes");
        assertEquals(5, map.cmrs().size());
        assertEquals(between(MIB, 0x6f800000L), map.cmrs().get(0));
        assertTrue(map.contains(0x5d168fffL));
        assertFalse(map.contains(0x5d169000L));
        assertTrue(map.contains(0x6f7ff000L));
        // The log mentions nothing above 4 GiB but the CMRs: there they are the RAM.
        assertEquals(
                map.cmrs().subList(1, 5),
                map.ram().subList(map.ram().size() - 4, map.ram().size()));
    }

    @Test
    void aCmrIsRamOfItsOwnFromTheEndOfWhatTheLogMentions() {
        MemoryMap map = MemoryMap.parse(
                List.of(
                        "BIOS-e820: [mem 0x100000-0x7fffffff] usable",
                        "BIOS-e820: [mem 0x80000000-0xbfffffff] reserved",
                        "virt/tdx: CMR: [0x100000, 0x40000000)",
                        "virt/tdx: CMR: [0x90000000, 0xa0000000)",
                        "virt/tdx: CMR: [0xc0000000, 0x100000000)"),
                "log");
        assertEquals(List.of(between(MIB, GIB), between(3 * GIB, 4 * GIB)), map.ram());
    }

    @Test
    void cmrsAloneAreTheRam() {
        MemoryMap map = server("tdx-1tb");
        assertEquals(5, map.ram().size());
        assertEquals(map.cmrs(), map.ram());
        assertEquals(0x1007c000000L, map.endHpa());
    }

    @Test
    void aServerWithoutTdxIsReadFromItsFirmwareMap() {
        MemoryMap map = server("server-768gb");
        assertEquals(0xc07fd00000L, map.endHpa());
        assertFalse(map.contains(0x71d60000000L));
        assertTrue(map.ramBytes() > 765 * GIB && map.ramBytes() < 768 * GIB);
        assertEquals(map.ram(), map.cmrs());
    }

    @Test
    void whatIsNoMapIsRefusedWithSourceLineAndRule() {
        assertRefused("notes.txt: none of its 2 lines", () -> MemoryMap.parse(List.of("hello", "world"), "notes.txt"));
        assertRefused(
                "log, line 2: \"BIOS-e820: nonsense\" is not of the form",
                () -> MemoryMap.parse(List.of("x", "BIOS-e820: nonsense"), "log"));
        assertRefused(
                "log, line 1: a range has at least one byte",
                () -> MemoryMap.parse(List.of("virt/tdx: CMR: [0x2000, 0x1000)"), "log"));
        assertRefused(
                "iomem, line 1: 0xfffffffffffffffff is no address",
                () -> MemoryMap.parse(List.of("00100000-fffffffffffffffff : System RAM"), "iomem"));
        assertRefused(
                "iomem, line 2: \"garbage\" is not of the form",
                () -> MemoryMap.parse(List.of("00100000-7fffffff : System RAM", "garbage"), "iomem"));
        assertRefused(
                "iomem: no line that is not indented",
                () -> MemoryMap.parse(List.of("00100000-7fffffff : Reserved"), "iomem"));
        assertRefused(
                "log: a memory map has at least one",
                () -> MemoryMap.parse(List.of("BIOS-e820: [mem 0x0-0x9ffff] usable"), "log"));
    }

    private static MemoryMap server(String name) {
        try (InputStream in = MemoryMapTest.class.getResourceAsStream("/hosts/" + name + ".dmesg")) {
            return MemoryMap.parse(
                    new String(in.readAllBytes(), StandardCharsets.UTF_8)
                            .lines()
                            .toList(),
                    name);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static PhysicalRange between(long startHpa, long endHpa) {
        return PhysicalRange.between(startHpa, endHpa);
    }

    private static void assertRefused(String rule, Runnable call) {
        IllegalArgumentException refusal = assertThrows(IllegalArgumentException.class, call::run);
        assertTrue(refusal.getMessage().contains(rule), refusal::getMessage);
    }
}
