package dev.pamt.lab.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.lab.measure.FakeMachine.FakeProcess;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcessScanTest {
    private static final long MIB = 1L << 20;
    private static final long GIB = 1L << 30;
    private static final long REGION = 2 * MIB;
    private static final long PAGE = 4096;
    private static final long HEAP = 0x7f00_0000_0000L;
    private static final int PID = 42;

    @TempDir
    private Path root;

    private FakeMachine machine;
    private FakeProcess process;

    @BeforeEach
    void aMachineOfFourGigabytes() throws IOException {
        machine = new FakeMachine(root, 4 * GIB);
        process = machine.process(PID, "guest");
    }

    private Measurement measured() throws IOException {
        return ProcessScan.of(new ProcFs(root), PID);
    }

    private Placement placement() throws IOException {
        return measured().placement().orElseThrow();
    }

    private RegionUse use() throws IOException {
        return placement().use();
    }

    private static List<String> runs(Placement placement) {
        List<String> runs = new ArrayList<>();
        placement.forEachRun(
                (hpa, pages, backing) -> runs.add(backing.word() + " " + Long.toHexString(hpa) + " " + pages));
        return runs;
    }

    @Test
    void eachRegionWithA4KPageNeedsAPair() throws IOException {
        process.map(HEAP, 5).present(10 * REGION, 2).present(20 * REGION, 1).present(10 * REGION + 7 * PAGE, 1);
        assertEquals(2, use().pairs());
        assertEquals(4, use().smallPages());
        assertEquals(1, use().fewestPairs());
        assertEquals(1, use().regionsWith(1, 1));
        assertEquals(1, use().regionsWith(2, 3));
        assertEquals(3, use().pagesInRegionsWith(3, 3));
        assertEquals(0, use().largeRegions());
        assertEquals(List.of(), measured().lacks());
    }

    @Test
    void pagesKeepTheOrderOfTheirAddresses() throws IOException {
        process.map(HEAP, 3)
                .present(30 * REGION, 1)
                .present(10 * REGION, 1)
                .present(10 * REGION + PAGE, 1)
                .map(HEAP + GIB, 1)
                .present(20 * REGION, 1);
        assertEquals(List.of("4k 3c00000 1", "4k 1400000 2", "4k 2800000 1"), runs(placement()));
    }

    @Test
    void aHugePageThatIsMappedAsAWholeNeedsNoPair() throws IOException {
        machine.thp(10 * REGION);
        process.map(HEAP, 1024).present(10 * REGION, 512).present(20 * REGION, 3);
        assertEquals(1, use().pairs());
        assertEquals(512, use().pages(Backing.THP_2M));
        assertEquals(1, use().largeRegions());
        assertEquals(List.of("thp-2m 1400000 512", "4k 2800000 3"), runs(placement()));
    }

    @Test
    void aHugePageThatIsMappedInPartOrAtAnOddAddressIs4KPages() throws IOException {
        machine.thp(10 * REGION).thp(20 * REGION);
        process.map(HEAP, 511)
                .present(10 * REGION, 511)
                .map(HEAP + GIB + PAGE, 512)
                .present(20 * REGION, 512);
        assertEquals(2, use().pairs());
        assertEquals(1023, use().smallPages());
        assertEquals(0, use().pages(Backing.SMALL_WHOLE));
    }

    @Test
    void pagesInARowThatBeginInsideAHugePageAre4KPages() throws IOException {
        machine.thp(10 * REGION).thp(11 * REGION);
        process.map(HEAP, 512).present(10 * REGION + PAGE, 512);
        assertEquals(512, use().pages(Backing.SMALL_WHOLE));
        assertEquals(2, use().pairs());
    }

    @Test
    void pagesInARowThatAreNoHugePageAre4KPagesAndCouldBecomeOne() throws IOException {
        process.map(HEAP, 1024).present(10 * REGION, 512).present(20 * REGION + PAGE, 4);
        assertEquals(2, use().pairs());
        assertEquals(512, use().pages(Backing.SMALL_WHOLE));
        assertEquals(1, use().pairsWithHugePages());
        assertEquals(1, use().fewestPairsWithHugePages());
        assertEquals(2, use().fewestPairs());
    }

    @Test
    void hugetlbPagesAreToldApartByTheirSize() throws IOException {
        machine.hugetlb2M(10 * REGION).hugetlb1G(2 * GIB);
        process.map(HEAP, 512)
                .pageBytes(REGION)
                .present(10 * REGION, 512)
                .map(HEAP + GIB, 1 << 18)
                .pageBytes(GIB)
                .present(2 * GIB, 1 << 18);
        assertEquals(0, use().pairs());
        assertEquals(512, use().pages(Backing.HUGETLB_2M));
        assertEquals(1 << 18, use().pages(Backing.HUGETLB_1G));
        assertEquals(513, use().largeRegions());
    }

    @Test
    void aPageThatIsMappedTwiceCountsOnceAndAsPartOfAHugePageIfItIsInOne() throws IOException {
        machine.thp(10 * REGION);
        process.map(HEAP, 4)
                .present(20 * REGION, 1)
                .present(20 * REGION, 1)
                .present(10 * REGION + PAGE, 1)
                .map(HEAP + GIB, 1024)
                .present(10 * REGION, 512)
                .present(10 * REGION, 512);
        assertEquals(1, use().smallPages());
        assertEquals(512, use().pages(Backing.THP_2M));
        assertEquals(1, use().pairs());
        assertEquals(1 + 1 + 512, placement().origin().leftOutPages());
        assertEquals(List.of("4k 2800000 1", "thp-2m 1400000 512"), runs(placement()));
    }

    @Test
    void whatIsNoMemoryOfTheProcessIsLeftOut() throws IOException {
        machine.flags(10 * REGION, FakeMachine.ZERO_PAGE)
                .flags(11 * REGION, FakeMachine.RESERVED)
                .flags(12 * REGION, FakeMachine.NOPAGE)
                .folio(13 * REGION, 512, FakeMachine.THP | FakeMachine.ZERO_PAGE);
        process.map(HEAP, 2048)
                .present(20 * REGION, 1)
                .presentUncounted(10 * REGION, 1)
                .present(11 * REGION, 1)
                .presentUncounted(12 * REGION, 1)
                .presentUncounted(8 * GIB, 1)
                .presentUncounted(15 * PAGE, 1)
                .absent(506)
                .presentUncounted(13 * REGION, 512);
        assertEquals(1, use().totalPages());
        assertEquals(1, use().pairs());
        assertEquals(5 + 512, placement().origin().leftOutPages());
    }

    @Test
    void swappedPagesAreCountedAndHaveNoPlace() throws IOException {
        process.map(HEAP, 8).swapped(3).present(20 * REGION, 1);
        assertEquals(3, placement().origin().swappedPages());
        assertEquals(1, use().totalPages());
    }

    @Test
    void withoutPhysicalAddressesOnlyTheAddressSpaceIsKnown() throws IOException {
        process.hidden()
                .map(HEAP, 2048)
                .sumOfThp(512)
                .present(0, 512)
                .absent(512)
                .present(0, 3)
                .presentUncounted(0, 2)
                .absent(507)
                .present(0, 1)
                .map(HEAP + 2 * GIB, 512)
                .pageBytes(REGION)
                .present(0, 512);
        Measurement measurement = measured();
        assertTrue(measurement.placement().isEmpty());
        AddressUse use = measurement.addresses().orElseThrow();
        assertEquals(4, use.smallPages());
        assertEquals(512, use.thpPages());
        assertEquals(512, use.hugetlbPages());
        assertEquals(2, use.smallBlocks());
        assertEquals(2, use.leftOutPages());
        assertEquals(1, use.fewestPairs());
        assertEquals(4, use.mostPairs(4 * GIB / PAGE));
        assertEquals(List.of("/proc/42/pagemap hides physical addresses: it needs CAP_SYS_ADMIN"), measurement.lacks());
    }

    @Test
    void withoutPageFlagsHugePagesAreTakenFromTheSumsOfTheMapping() throws IOException {
        machine.withoutPageFlags();
        process.map(HEAP, 1536)
                .sumOfThp(512)
                .present(10 * REGION, 512)
                .present(20 * REGION, 512)
                .map(HEAP + GIB, 512)
                .pageBytes(REGION)
                .present(30 * REGION, 512);
        assertEquals(512, use().pages(Backing.THP_2M));
        assertEquals(512, use().pages(Backing.SMALL_WHOLE));
        assertEquals(512, use().pages(Backing.HUGETLB_2M));
        assertEquals("pagemap and smaps", placement().origin().readFrom());
        assertEquals(1, measured().lacks().size());
        assertTrue(
                measured().lacks().get(0).startsWith("/proc/kpageflags does not exist"),
                measured().lacks()::toString);
    }

    @Test
    void aSparseAddressSpaceIsNotReadAsAWhole() throws IOException {
        long terabyte = 1L << 40;
        process.map(16 * terabyte, 32 * terabyte / PAGE)
                .map(50 * terabyte, 16 * terabyte / PAGE)
                .absent(100_000)
                .present(20 * REGION, 3);
        assertTimeoutPreemptively(Duration.ofSeconds(20), () -> assertEquals(3, use().totalPages()));
    }

    @Test
    void aMappingOfMoreThanAWindowIsReadToItsEnd() throws IOException {
        process.map(HEAP + PAGE, 200_000)
                .present(20 * REGION, 1)
                .absent(199_998)
                .present(30 * REGION, 1);
        assertEquals(2, use().totalPages());
        assertEquals(2, use().pairs());
    }

    @Test
    void aProcessThatIsGoneHasEnded() {
        ProcessEndedException ended =
                assertThrows(ProcessEndedException.class, () -> ProcessScan.of(new ProcFs(root), 43));
        assertEquals("process 43 has ended", ended.getMessage());
    }
}
