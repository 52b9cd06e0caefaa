package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static dev.pamt.seamcall.emulator.TestTd.NO_PAGE;
import static dev.pamt.seamcall.emulator.TestTd.TDR;
import static dev.pamt.seamcall.emulator.TestTd.TDVPR;
import static dev.pamt.seamcall.emulator.TestTd.septPage;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Each leaf takes the time that was configured for it, and no other leaf's. */
class TimingTest {
    private static final long GPA_2M = PageLevel.SIZE_2M.encode(0);

    private final List<SeamcallLeaf> spent = new ArrayList<>();
    private final TestHost host = TestHost.ready(config(), true, RacePoint.Listener.none());

    private EmulatorConfig config() {
        EmulatorConfig.Builder config = TestHost.config();
        for (SeamcallLeaf leaf : SeamcallLeaf.values()) {
            config.latency(leaf, uniform -> {
                spent.add(leaf);
                return 0;
            });
        }
        return config.build();
    }

    private void assertSpent(SeamcallLeaf... expected) {
        assertEquals(List.of(expected), spent);
        spent.clear();
    }

    private void assertSpentOnceBy(TestTd td, SeamcallLeaf leaf, long rcx, long rdx, long r8) {
        td.succeed(leaf, rcx, rdx, r8);
        assertSpent(leaf);
    }

    private static List<SeamcallLeaf> times(int count, SeamcallLeaf leaf) {
        return Collections.nCopies(count, leaf);
    }

    @Test
    void theBringUp() {
        List<SeamcallLeaf> expected = new ArrayList<>();
        expected.add(SeamcallLeaf.SYS_INIT);
        expected.addAll(times(2, SeamcallLeaf.SYS_LP_INIT));
        expected.add(SeamcallLeaf.SYS_CONFIG);
        expected.add(SeamcallLeaf.SYS_KEY_CONFIG);
        expected.addAll(times(128, SeamcallLeaf.SYS_TDMR_INIT));
        assertEquals(expected, spent);
    }

    @Test
    void thePairsAndTheirMetadata() {
        spent.clear();
        host.add(5, page(9, 0), page(9, 1));
        assertSpent(SeamcallLeaf.PHYMEM_PAMT_ADD);
        host.rdmd(page(9, 0));
        assertSpent(SeamcallLeaf.PHYMEM_PAGE_RDMD);
        host.remove(5);
        assertSpent(SeamcallLeaf.PHYMEM_PAMT_REMOVE);
        host.calls().pageWbinvd(host.regs, page(7, 0));
        assertSpent(SeamcallLeaf.PHYMEM_PAGE_WBINVD);
    }

    @Test
    void aCallThatIsTurnedAwayTakesNone() {
        spent.clear();
        host.setLock2m(5, 1);
        host.add(5, page(9, 0), page(9, 1));
        host.rdmd(page(5, 0));
        host.calls().pageWbinvd(host.regs, page(5, 0));
        assertSpent();
    }

    @Test
    void theMakingOfATd() {
        spent.clear();
        new TestTd(host);
        List<SeamcallLeaf> expected = new ArrayList<>();
        expected.add(SeamcallLeaf.PHYMEM_PAMT_ADD);
        expected.add(SeamcallLeaf.MNG_CREATE);
        expected.add(SeamcallLeaf.MNG_KEY_CONFIG);
        expected.addAll(times(TestTd.CONTROL_PAGES, SeamcallLeaf.MNG_ADDCX));
        expected.add(SeamcallLeaf.MNG_INIT);
        expected.add(SeamcallLeaf.VP_CREATE);
        expected.addAll(times(TestTd.VCPU_CONTROL_PAGES, SeamcallLeaf.VP_ADDCX));
        expected.add(SeamcallLeaf.VP_INIT);
        expected.addAll(times(2, SeamcallLeaf.MEM_SEPT_ADD));
        expected.add(SeamcallLeaf.MR_FINALIZE);
        assertEquals(expected, spent);
    }

    @Test
    void thePagesOfATdThatIsBeingBuilt() {
        TestTd td = TestTd.unfinished(host);
        td.septAdd(GPA_2M, septPage(1), NO_PAGE, NO_PAGE, NO_PAGE);
        spent.clear();
        assertSpentOnceBy(td, SeamcallLeaf.MEM_PAGE_ADD, 0, TDR, page(5, 100));
        assertSpentOnceBy(td, SeamcallLeaf.MR_EXTEND, 0, TDR, 0);
    }

    @Test
    void thePagesOfATdThatRuns() {
        TestTd td = new TestTd(host);
        spent.clear();
        assertSpentOnceBy(td, SeamcallLeaf.MEM_PAGE_AUG, GPA_2M, TDR, region(6));
        assertSpentOnceBy(td, SeamcallLeaf.MEM_RANGE_BLOCK, GPA_2M, TDR, 0);
        assertSpentOnceBy(td, SeamcallLeaf.MEM_TRACK, TDR, 0, 0);
        assertSpentOnceBy(td, SeamcallLeaf.MEM_RANGE_UNBLOCK, GPA_2M, TDR, 0);
        assertSpentOnceBy(td, SeamcallLeaf.MEM_SEPT_RD, GPA_2M, TDR, 0);
        td.block(GPA_2M);
        spent.clear();
        long status = td.demote(0, TDR, page(9, 4), page(9, 5), septPage(1), NO_PAGE, NO_PAGE, NO_PAGE);
        expect(TdxStatus.SUCCESS, status);
        assertSpent(SeamcallLeaf.MEM_PAGE_DEMOTE);
        td.block(GPA_2M);
        spent.clear();
        assertSpentOnceBy(td, SeamcallLeaf.MEM_PAGE_PROMOTE, GPA_2M, TDR, 0);
        td.block(GPA_2M);
        spent.clear();
        assertSpentOnceBy(td, SeamcallLeaf.MEM_PAGE_REMOVE, GPA_2M, TDR, 0);
        td.septAdd(GPA_2M, septPage(1), NO_PAGE, NO_PAGE, NO_PAGE);
        td.succeed(SeamcallLeaf.MEM_PAGE_AUG, 0, TDR, page(5, 100));
        td.block(0);
        spent.clear();
        assertSpentOnceBy(td, SeamcallLeaf.MEM_PAGE_RELOCATE, 0, TDR, page(5, 101));
        td.block(0);
        td.succeed(SeamcallLeaf.MEM_PAGE_REMOVE, 0, TDR, 0);
        td.block(GPA_2M);
        spent.clear();
        assertSpentOnceBy(td, SeamcallLeaf.MEM_SEPT_REMOVE, GPA_2M, TDR, 0);
    }

    @Test
    void theEndOfATd() {
        TestTd td = new TestTd(host);
        spent.clear();
        td.enter();
        assertSpent(SeamcallLeaf.VP_ENTER);
        assertSpentOnceBy(td, SeamcallLeaf.VP_FLUSH, TDVPR, 0, 0);
        assertSpentOnceBy(td, SeamcallLeaf.MNG_VPFLUSHDONE, TDR, 0, 0);
        assertSpentOnceBy(td, SeamcallLeaf.PHYMEM_CACHE_WB, 0, 0, 0);
        assertSpentOnceBy(td, SeamcallLeaf.MNG_KEY_FREEID, TDR, 0, 0);
        assertSpentOnceBy(td, SeamcallLeaf.PHYMEM_PAGE_RECLAIM, TDVPR, 0, 0);
    }
}
