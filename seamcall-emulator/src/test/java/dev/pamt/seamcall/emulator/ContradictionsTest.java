package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static dev.pamt.seamcall.emulator.TestTd.NO_PAGE;
import static dev.pamt.seamcall.emulator.TestTd.TDR;
import static dev.pamt.seamcall.emulator.TestTd.septPage;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A PAMT that contradicts the Secure EPT or itself, which only races bring about, ends the module with its own number. */
class ContradictionsTest {
    private static final long GPA_2M = PageLevel.SIZE_2M.encode(0);
    private static final long OUTSIDE = 2 << 20;
    private static final long PENDING_PAGE = 1L << 63 | 1L << 56 | 0xF0;
    private static final long NON_LEAF = 1L << 63 | 7 | 1 << 10;

    private final TestHost host = TestHost.ready();

    private static void assertFatal(int id, TestHost on, SeamcallLeaf leaf, long rcx, long rdx) {
        assertThrows(SeamcallUnavailableException.class, () -> on.call(leaf, rcx, rdx));
        assertEquals(new FatalError(id, leaf, 0), on.machine.fatal().orElseThrow());
    }

    private void assertBlockIsFatal(int id, long entry) {
        TestTd td = new TestTd(host);
        td.setEntry(0, 1, entry);
        assertFatal(id, host, SeamcallLeaf.MEM_RANGE_BLOCK, GPA_2M, TDR);
    }

    @Test
    void anEntryThatLeadsOutOfTheTdmrs() {
        assertBlockIsFatal(109, PENDING_PAGE | OUTSIDE);
    }

    @Test
    void anEntryThatLeadsIntoARegionWithoutAPair() {
        assertBlockIsFatal(336, NON_LEAF | page(7, 0));
    }

    @Test
    void anEntryThatLeadsToAFreePage() {
        assertBlockIsFatal(339, NON_LEAF | page(5, 300));
    }

    @Test
    void anEntryThatMapsAFreeRegion() {
        assertBlockIsFatal(339, PENDING_PAGE | region(7));
    }

    @Test
    void anEntryThatLeadsToAReservedPage() {
        TestHost fixed = TestHost.ready(TestHost.config().build(), false, RacePoint.Listener.none());
        TestTd td = new TestTd(fixed);
        td.setEntry(0, 1, NON_LEAF | page(0, 1));
        assertFatal(339, fixed, SeamcallLeaf.MEM_RANGE_BLOCK, GPA_2M, TDR);
    }

    @Test
    void anEntryThatMapsARegionWithAPair() {
        assertBlockIsFatal(340, PENDING_PAGE | region(5));
    }

    private void setType(int region, long type) {
        long word0 = TestHost.entry2mHpa(region);
        host.machine.memory().write64(word0, (host.machine.memory().read64(word0) & ~0x1F_0000L) | type << 16);
    }

    @Test
    void aDemotedPageThatIsNotPrivateMemory() {
        TestTd td = new TestTd(host);
        td.aug(0, region(6));
        td.block(GPA_2M);
        setType(6, PageType.EPT);
        host.regs.clear();
        host.regs.r8 = septPage(1);
        assertFatal(221, host, SeamcallLeaf.MEM_PAGE_DEMOTE, GPA_2M, TDR);
    }

    private TestTd demoted(TestHost on) {
        TestTd td = new TestTd(on);
        td.aug(0, region(6));
        td.block(GPA_2M);
        long status = td.demote(0, TDR, page(9, 4), page(9, 5), septPage(1), NO_PAGE, NO_PAGE, NO_PAGE);
        expect(TdxStatus.SUCCESS, status);
        return td;
    }

    private static void mapAll(TestTd td, long hpa) {
        for (long gpa = 0; gpa < PageLevel.SIZE_2M.bytes(); gpa += 4096) {
            td.setEntry(gpa, 0, PENDING_PAGE | hpa + gpa);
        }
    }

    @Test
    void promotedPagesOutsideTheTdmrs() {
        TestTd td = demoted(host);
        mapAll(td, OUTSIDE);
        td.block(GPA_2M);
        assertFatal(168, host, SeamcallLeaf.MEM_PAGE_PROMOTE, GPA_2M, TDR);
    }

    @Test
    void promotedPagesOfARegionWithoutAPair() {
        TestTd td = demoted(host);
        mapAll(td, region(7));
        td.block(GPA_2M);
        assertFatal(217, host, SeamcallLeaf.MEM_PAGE_PROMOTE, GPA_2M, TDR);
    }

    @Test
    void promotedPagesOfARegionThatIsOnePage() {
        TestHost fixed = TestHost.ready(TestHost.config().build(), false, RacePoint.Listener.none());
        TestTd td = demoted(fixed);
        td.succeed(SeamcallLeaf.MEM_PAGE_AUG, PageLevel.SIZE_2M.encode(2 << 20), TDR, region(7));
        mapAll(td, region(7));
        td.block(GPA_2M);
        assertFatal(223, fixed, SeamcallLeaf.MEM_PAGE_PROMOTE, GPA_2M, TDR);
    }

    /** Of another type, or of another owner. */
    @ParameterizedTest
    @ValueSource(longs = {0xB_0000, 0x100_0000})
    void promotedPagesThatAreNotAlikeInTheArrayOfThePamt(long changed) {
        TestHost fixed = TestHost.ready(TestHost.config().build(), false, RacePoint.Listener.none());
        TestTd td = demoted(fixed);
        td.block(GPA_2M);
        long last = TestHost.PAMT_4K + (7 * 512 - 1) * 16L;
        fixed.machine.memory().write64(last, fixed.machine.memory().read64(last) ^ changed);
        assertFatal(219, fixed, SeamcallLeaf.MEM_PAGE_PROMOTE, GPA_2M, TDR);
    }

    private void setPairPage(int region, int half, long hpa) {
        long word = TestHost.entry2mHpa(region) + half * 8L;
        long kept = host.machine.memory().read64(word) & (1L << 28) - 1;
        host.machine.memory().write64(word, kept | hpa >>> 12 << 28);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aPairThatLiesOutsideTheTdmrsWhenItIsTakenBack(int half) {
        host.add(5, page(9, 0), page(9, 1));
        setPairPage(5, half, OUTSIDE);
        assertFatal(338, host, SeamcallLeaf.PHYMEM_PAMT_REMOVE, region(5) | 1, 0);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aPairThatLiesOutsideTheTdmrsWhenItsPagesAreMerged(int half) {
        TestTd td = demoted(host);
        td.block(GPA_2M);
        setPairPage(6, half, OUTSIDE);
        assertFatal(337, host, SeamcallLeaf.MEM_PAGE_PROMOTE, GPA_2M, TDR);
    }

    @Test
    void aCountThatIsTooLowForItsPages() {
        new TestTd(host);
        long word1 = TestHost.entry2mHpa(5) + 8;
        host.machine.memory().write64(word1, host.machine.memory().read64(word1) & ~0x3FFL);
        host.call(SeamcallLeaf.VP_FLUSH, TestTd.TDVPR, 0);
        host.call(SeamcallLeaf.MNG_VPFLUSHDONE, TDR, 0);
        host.call(SeamcallLeaf.PHYMEM_CACHE_WB, 0, 0);
        host.call(SeamcallLeaf.MNG_KEY_FREEID, TDR, 0);
        assertFatal(170, host, SeamcallLeaf.PHYMEM_PAGE_RECLAIM, TestTd.TDVPR, 0);
    }

    @Test
    void aCountThatIsTooHighForItsPages() {
        host.add(5, page(9, 0), page(9, 1));
        long word1 = TestHost.entry2mHpa(5) + 8;
        host.machine.memory().write64(word1, host.machine.memory().read64(word1) | 512);
        assertFatal(351, host, SeamcallLeaf.MNG_CREATE, TDR, 40);
    }

    @Test
    void aContradictionAfterTheMachineWasSwitchedOffIsNobodysNews() {
        AtomicReference<Runnable> meanwhile = new AtomicReference<>(() -> {});
        EmulatorConfig config = TestHost.config()
                .interrupts(processor -> {
                    meanwhile.get().run();
                    return false;
                })
                .build();
        TestHost other = TestHost.ready(config, true, RacePoint.Listener.none());
        TestTd td = new TestTd(other);
        td.aug(0, region(6));
        td.block(GPA_2M);
        meanwhile.set(() -> {
            other.machine.memory().write64(TestHost.entry2mHpa(6), (long) PageType.EPT << 16);
            other.machine.close();
        });
        assertThrows(
                SeamcallUnavailableException.class,
                () -> td.demote(0, TDR, page(9, 4), page(9, 5), septPage(1), NO_PAGE, NO_PAGE, NO_PAGE));
        assertEquals(Optional.empty(), other.machine.fatal());
    }
}
