package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.AddressOutsideMemoryException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.seamcall.PhysicalRange;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.function.LongPredicate;
import org.junit.jupiter.api.Test;

/** Where words lie and which regions have one, against a set of all pages. */
class RegionTableTest {
    private static final long PAGE = PageAllocator.PAGE_BYTES;
    private static final long REGION = PageAllocator.CHUNK_BYTES;
    private static final long GIBIBYTE = 1L << 30;
    private static final long END = 6 * GIBIBYTE;
    /** Regions cut at either end, holes of a page and of gigabytes, a gigabyte with the last page only. */
    private static final List<PhysicalRange> MAP = List.of(
            PhysicalRange.between(PAGE, 0xA_0000),
            PhysicalRange.between(0x10_0000, 0x7FF_F000),
            PhysicalRange.between(0x800_0000, 0x3FE0_0000),
            PhysicalRange.between(2 * GIBIBYTE - PAGE, 2 * GIBIBYTE + 3 * REGION),
            PhysicalRange.between(5 * GIBIBYTE, 5 * GIBIBYTE + REGION - PAGE));

    private final RegionTable table = new RegionTable(MAP);
    private final BitSet ram = new BitSet();

    RegionTableTest() {
        for (PhysicalRange range : MAP) {
            ram.set((int) (range.baseHpa() / PAGE), (int) (range.endHpa() / PAGE));
        }
    }

    private int ramPages(long hpa, long bytes) {
        return ram.get((int) (hpa / PAGE), (int) ((hpa + bytes) / PAGE)).cardinality();
    }

    private Kind kindOf(long hpa) {
        return ramPages(hpa & -REGION, REGION) == 0 ? Kind.OUTSIDE : Kind.EMPTY;
    }

    @Test
    void aRangeIsRamIfEachOfItsPagesIs() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int i = 0; i < 20_000; i++) {
            int edge = MAP.size() - 1 - random.nextInt(MAP.size());
            long near = random.nextBoolean()
                    ? MAP.get(edge).baseHpa()
                    : MAP.get(edge).endHpa();
            long hpa = Math.max(0, near + PAGE * (random.nextInt(1030) - 515));
            int pages = 1 + random.nextInt(512);
            boolean all = ramPages(hpa, pages * PAGE) == pages;
            assertEquals(all, table.isRam(hpa, pages), () -> "0x" + Long.toHexString(hpa) + ", " + pages + " pages");
        }
        assertTrue(table.isRam(PAGE, 0x9F));
        assertFalse(table.isRam(PAGE, 0xA0));
        assertFalse(table.isRam(0, 1));
        assertFalse(table.isRam(Long.MAX_VALUE & -PAGE, 512));
        assertFalse(table.isRam(-PAGE, 1));
    }

    @Test
    void everyRegionIsDescribedTheSameBeforeItsGigabyteIsTouchedAndAfter() {
        for (long hpa = 0; hpa < END; hpa += REGION) {
            assertEquals(kindOf(hpa), table.describe(hpa).kind());
            assertEquals(kindOf(hpa), table.describe(hpa + REGION - 1).kind());
        }
        table.forEach((hpa, words, slot) -> assertEquals(0, hpa, "no gigabyte has been touched"));
        for (long hpa = 0; hpa < END; hpa += REGION) {
            long regionHpa = hpa;
            if (ramPages(hpa & -GIBIBYTE, GIBIBYTE) == 0) {
                assertThrows(AddressOutsideMemoryException.class, () -> table.words(regionHpa));
            } else {
                Region region = table.region(hpa);
                assertEquals(ramPages(hpa, REGION) == 0 ? RegionWord.OUTSIDE : RegionWord.EMPTY, region.state());
            }
            assertEquals(kindOf(hpa), table.describe(hpa).kind());
        }
    }

    @Test
    void theWordsOfAGigabyteHaveDistinctSlotsNeighboursFarApart() {
        BitSet slots = new BitSet();
        int before = Integer.MIN_VALUE;
        for (int index = 0; index < 512; index++) {
            int slot = RegionTable.slot(3 * GIBIBYTE + index * REGION + 0x1F_FFFF);
            assertFalse(slots.get(slot));
            slots.set(slot);
            assertTrue(Math.abs(slot - before) >= 32 || index % 16 == 0, "128 bytes but for the turn of the rotation");
            before = slot;
        }
        assertEquals(16, slots.nextSetBit(0), "a cache line from the array's length");
        assertEquals(16 + 512, slots.length());
        assertEquals(16 + 512 + 16, table.words(0).length);
    }

    @Test
    void aGigabyteHasOneArrayAndItsNeighbourAnother() {
        assertNull(table.wordsIfAny(GIBIBYTE));
        int[] words = table.words(GIBIBYTE + REGION);
        assertSame(words, table.words(2 * GIBIBYTE - 1));
        assertSame(words, table.wordsIfAny(GIBIBYTE));
        assertNotSame(words, table.words(2 * GIBIBYTE));
        assertNull(table.wordsIfAny(5 * GIBIBYTE));
    }

    @Test
    void theQuickWayLeadsToGigabytesThatAreTouchedAndHaveNoRegionThatIsRamOnlyInPart() {
        for (long gigabyte = 0; gigabyte < END; gigabyte += GIBIBYTE) {
            assertNull(RegionTable.wordsOfPage(table.quick(), gigabyte + PAGE), "it is not touched");
            if (ramPages(gigabyte, GIBIBYTE) == 0) {
                continue;
            }
            int[] words = table.words(gigabyte);
            boolean whole = true;
            for (long hpa = gigabyte; hpa < gigabyte + GIBIBYTE; hpa += REGION) {
                whole &= ramPages(hpa, REGION) % 512 == 0;
            }
            assertSame(whole ? words : null, RegionTable.wordsOfPage(table.quick(), gigabyte + PAGE));
            assertSame(whole ? words : null, RegionTable.wordsOfPage(table.quick(), gigabyte + GIBIBYTE - PAGE));
            assertNull(RegionTable.wordsOfPage(table.quick(), gigabyte + PAGE + 1), "it is misaligned");
            assertNull(RegionTable.wordsOfPage(table.quick(), gigabyte + PAGE / 2), "it is misaligned");
        }
        assertNull(RegionTable.wordsOfPage(table.quick(), END));
        assertNull(RegionTable.wordsOfPage(table.quick(), -PAGE));
        assertNull(RegionTable.wordsOfPage(table.quick(), Long.MIN_VALUE));
        assertNull(RegionTable.wordsOfPage(table.quick(), Long.MAX_VALUE & -PAGE));
    }

    @Test
    void memoryAbove64TiBIsFoundTheOtherWay() {
        long top = 1L << 46;
        RegionTable high = new RegionTable(
                List.of(PhysicalRange.between(top - GIBIBYTE, top), PhysicalRange.between(top, top + GIBIBYTE)));
        int[] below = high.words(top - PAGE);
        int[] above = high.words(top);
        assertSame(below, RegionTable.wordsOfPage(high.quick(), top - PAGE));
        assertNull(RegionTable.wordsOfPage(high.quick(), top));
        assertSame(above, high.wordsOfRange(top, 512));
    }

    private List<Long> matching(LongPredicate touched, LongPredicate matches) {
        List<Long> expected = new ArrayList<>();
        for (long hpa = 0; hpa < END; hpa += REGION) {
            if (touched.test(hpa) && ramPages(hpa, REGION) > 0 && matches.test(hpa)) {
                expected.add(hpa);
            }
        }
        return expected;
    }

    @Test
    void theWalkShowsEveryRegionWithRamOfEveryTouchedGigabyteInOrder() {
        table.words(0);
        table.words(5 * GIBIBYTE);
        List<Long> shown = new ArrayList<>();
        table.forEach((hpa, words, slot) -> {
            assertSame(table.wordsIfAny(hpa), words);
            assertEquals(RegionTable.slot(hpa), slot);
            shown.add(hpa);
        });
        assertEquals(matching(hpa -> hpa < GIBIBYTE || hpa >= 5 * GIBIBYTE, hpa -> true), shown);
    }

    @Test
    void aReclaimIsNeededByRegionsThatAreIdleAndNotQueuedOrUnknown() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        int[] states = {
            RegionWord.backed(0),
            RegionWord.backed(0) | RegionWord.QUEUED,
            RegionWord.backed(1),
            RegionWord.UNKNOWN,
            RegionWord.HUGE,
            RegionWord.DONOR,
            RegionWord.EMPTY
        };
        table.words(0);
        table.words(2 * GIBIBYTE);
        List<Long> expected = new ArrayList<>();
        for (long hpa : matching(hpa -> hpa < GIBIBYTE || (hpa >= 2 * GIBIBYTE && hpa < 3 * GIBIBYTE), hpa -> true)) {
            int choice = random.nextInt(states.length);
            Region region = table.region(hpa);
            Region.addUser(table.words(hpa), RegionTable.slot(hpa));
            region.setState(states[choice] & ~RegionWord.QUEUED);
            if (choice == 1) {
                assertTrue(Region.markQueued(table.words(hpa), RegionTable.slot(hpa)));
            }
            if (choice == 0 || choice == 3) {
                expected.add(hpa);
            }
        }
        List<Long> found = new ArrayList<>();
        for (long hpa = table.nextNeedingReclaim(0); hpa >= 0; hpa = table.nextNeedingReclaim(hpa + REGION)) {
            found.add(hpa);
        }
        assertEquals(expected, found, "seed " + seed);
    }

    @Test
    void anAddressIsADonorsIfItsRegionIs() {
        assertFalse(table.isDonor(0x800_0000));
        table.region(0x800_0000).setState(RegionWord.DONOR);
        assertTrue(table.isDonor(0x800_0000));
        assertTrue(table.isDonor(0x81F_F000));
        assertFalse(table.isDonor(0x820_0000));
        assertFalse(table.isDonor(3 * GIBIBYTE));
    }

    @Test
    void theSpareBitsOfAWordChangeWithoutTheRestOfIt() {
        long region = 0x800_0000 >>> 21;
        Region word = table.region(0x800_0000);
        word.setState(RegionWord.backed(7));
        assertEquals(0, table.get(region));
        for (int from = 0; from < 4; from++) {
            int to = (from + 1) % 4;
            assertFalse(table.compareAndSet(region, to, from));
            assertEquals(from, table.get(region));
            assertTrue(table.compareAndSet(region, from, to));
            assertEquals(to, table.get(region));
            assertEquals(RegionWord.backed(7) | to, word.word());
        }
        assertThrows(IllegalArgumentException.class, () -> table.compareAndSet(region, 4, 0));
        assertEquals(region, RegionTable.regionOf(RegionTable.hpaOf(region) + REGION - 1));
    }

    @Test
    void theLastGigabyteIsOnTheQuickWayAsWell() {
        RegionTable even = new RegionTable(List.of(PhysicalRange.between(0, 2 * GIBIBYTE)));
        assertSame(even.words(GIBIBYTE), RegionTable.wordsOfPage(even.quick(), 2 * GIBIBYTE - PAGE));
        RegionTable uneven = new RegionTable(List.of(PhysicalRange.between(0, GIBIBYTE + 3 * REGION)));
        assertSame(uneven.words(GIBIBYTE), RegionTable.wordsOfPage(uneven.quick(), GIBIBYTE + PAGE));
    }
}
