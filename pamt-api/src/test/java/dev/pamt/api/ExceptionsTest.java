package dev.pamt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.RegionsInUseException.Leftover;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxStatus;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** An exception says in its message and to a program what it is about, with the address that the caller named. */
class ExceptionsTest {
    private static final long HPA = 0x1_3000_7000L;
    private static final RegionState BACKED = new RegionState(RegionState.Kind.BACKED, 3);

    private static void assertNames(Exception thrown, long hpa, String... parts) {
        assertEquals(HPA, hpa);
        assertTrue(thrown.getMessage().contains("0x130007000"), thrown.getMessage());
        for (String part : parts) {
            assertTrue(thrown.getMessage().contains(part), thrown.getMessage());
        }
    }

    @Test
    void exceptionsThatAreAboutAnAddressNameIt() {
        AddressOutsideMemoryException outside = new AddressOutsideMemoryException(HPA);
        assertNames(outside, outside.hpa(), "outside the memory map");
        CacheExhaustedException exhausted = new CacheExhaustedException(HPA);
        assertNames(exhausted, exhausted.hpa(), "no page pair left");
        DonorRegionException donor = new DonorRegionException(HPA);
        assertNames(donor, donor.hpa());
        DoubleFreeException twice = new DoubleFreeException(HPA);
        assertNames(twice, twice.hpa(), "not allocated");
        ForeignPagePairException foreign = new ForeignPagePairException(HPA);
        assertNames(foreign, foreign.hpa());
        RegionMapped2MException mapped = new RegionMapped2MException(HPA);
        assertNames(mapped, mapped.hpa());
    }

    @Test
    void exceptionsThatAreAboutACountNameIt() {
        TooManyUsersException tooMany = new TooManyUsersException(HPA, 7);
        assertNames(tooMany, tooMany.hpa(), "get of 7", "512 users");
        assertEquals(7, tooMany.pages());
        RangeCrossesRegionException range = new RangeCrossesRegionException(HPA, 513);
        assertNames(range, range.hpa(), "513 pages");
        assertEquals(513, range.pages());
        NoUsersException none = new NoUsersException(HPA, 5, BACKED);
        assertNames(none, none.hpa(), "put of 5", BACKED.toString());
        assertEquals(5, none.pages());
        assertEquals(BACKED, none.state());
    }

    @Test
    void exceptionsThatAreAboutAStateNameIt() {
        RegionInUseException inUse = new RegionInUseException(HPA, BACKED, "that is the rule");
        assertNames(inUse, inUse.hpa(), BACKED.toString(), "that is the rule");
        assertEquals(BACKED, inUse.state());
        assertEquals("that is the rule", inUse.rule());
        RegionNotMapped2MException notMapped = new RegionNotMapped2MException(HPA, BACKED);
        assertNames(notMapped, notMapped.hpa(), BACKED.toString());
        assertEquals(BACKED, notMapped.state());
        Leftover leftover = new Leftover(HPA, BACKED);
        RegionsInUseException left = new RegionsInUseException(List.of(leftover));
        assertNames(left, left.leftovers().get(0).hpa(), BACKED.toString());
        assertEquals(List.of(leftover), left.leftovers());
    }

    @Test
    void exceptionsThatAreAboutAnAlignmentNameIt() {
        MisalignedAddressException page = new MisalignedAddressException(HPA, PageAllocator.PAGE_BYTES);
        assertNames(page, page.hpa(), "0x1000", "a 4K page");
        assertEquals(PageAllocator.PAGE_BYTES, page.alignmentBytes());
        MisalignedAddressException region = new MisalignedAddressException(HPA, PageAllocator.CHUNK_BYTES);
        assertNames(region, region.hpa(), "0x200000", "a 2M region");
    }

    @Test
    void exceptionsThatAreAboutAnAnswerNameIt() {
        long status = TdxStatus.PAGE_NOT_FREE.code();
        RegionUnknownException unknown = new RegionUnknownException(HPA, status);
        assertNames(unknown, unknown.hpa(), TdxStatus.toString(status));
        assertEquals(status, unknown.status());
        SeamcallFailedException failed =
                new SeamcallFailedException(SeamcallLeaf.PHYMEM_PAMT_ADD, status, "of region 0x130007000");
        assertNames(failed, HPA, TdxStatus.toString(status), SeamcallLeaf.PHYMEM_PAMT_ADD.toString());
        assertEquals(status, failed.status());
        assertEquals(SeamcallLeaf.PHYMEM_PAMT_ADD, failed.leaf());
    }

    @Test
    void theOthersNameWhatTheyAreAbout() {
        OutOfPagesException out = new OutOfPagesException("a page pair");
        assertTrue(out.getMessage().contains("a page pair"));
        assertEquals("a page pair", out.wanted());
        assertTrue(new ManagerClosedException("the cache").getMessage().contains("the cache"));
        assertTrue(new ReentrantCallException("a trim").getMessage().contains("a trim"));
    }

    @Test
    void ofManyRegionsInUseTheMessageNamesEight() {
        List<Leftover> eight = LongStream.range(0, 8)
                .mapToObj(i -> new Leftover(i << 21, BACKED))
                .toList();
        String names = "0x0 BACKED(3), 0x200000 BACKED(3), 0x400000 BACKED(3), 0x600000 BACKED(3), 0x800000 BACKED(3),"
                + " 0xa00000 BACKED(3), 0xc00000 BACKED(3), 0xe00000 BACKED(3)";
        assertEquals(
                "the manager stays open: 8 region(s) still in use or not given back by the module: " + names,
                new RegionsInUseException(eight).getMessage());
        List<Leftover> ten = new ArrayList<>(eight);
        ten.add(new Leftover(HPA, BACKED));
        ten.add(new Leftover(HPA, BACKED));
        assertEquals(
                "the manager stays open: 10 region(s) still in use or not given back by the module: " + names
                        + " and 2 more",
                new RegionsInUseException(ten).getMessage());
    }

    @Test
    void theListOfRegionsInUseDoesNotTravelButTheMessageDoes() throws Exception {
        RegionsInUseException thrown = new RegionsInUseException(List.of(new Leftover(HPA, BACKED)));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(thrown);
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            RegionsInUseException read = (RegionsInUseException) in.readObject();
            assertEquals(thrown.getMessage(), read.getMessage());
            assertEquals(List.of(), read.leftovers());
        }
    }

    @Test
    void anExhaustedCacheSaysHowMuchItNeeds() {
        assertEquals(
                "the cache has no page pair left for the region of 0x130007000; top it up with the worst case before the"
                        + " lock (a fault needs at most 5 pairs, a split 2)",
                new CacheExhaustedException(HPA).getMessage());
    }
}
