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
                between(0, 0x9fc00), between(0x100400, 0x200c00), between(0x300001, 0x300fff), between(GIB, 2 * GIB)));
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
        assertRefused("at most 32", () -> MemoryMap.of(cmrs, cmrs));
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
        assertNotEquals(map, MemoryMap.of(map.ram(), List.of(between(MIB, 4 * GIB))));
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
