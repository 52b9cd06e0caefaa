package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.expect;
import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;
import static dev.pamt.seamcall.emulator.TestTd.NO_PAGE;
import static dev.pamt.seamcall.emulator.TestTd.TDR;
import static dev.pamt.seamcall.emulator.TestTd.septPage;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** What another processor can see between the two writes of a call: a page that is free and still counted, and the like. */
class StepsTest {
    private static final long GPA_2M = PageLevel.SIZE_2M.encode(0);
    private static final long PENDING_2M = 1L << 63 | 1L << 56 | 0xF0 | 40L << 40;

    private record Seen(RacePoint point, long type, long pagesInUse) {}

    private final List<Seen> seen = new ArrayList<>();
    private final List<Long> entriesSeen = new ArrayList<>();
    private final TestHost host = TestHost.ready(TestHost.config().build(), true, this::look);
    private final TestTd td = new TestTd(host);

    private void look(RacePoint point) {
        if (point == RacePoint.PAGE_FREE_BUT_COUNTED) {
            long word = host.inspection().pamtEntryWord(PageLevel.SIZE_4K, page(8, 1), 0);
            seen.add(new Seen(point, word >>> 16 & 0x1F, host.pagesInUse(8)));
        } else if (point == RacePoint.ENTRY_VISIBLE_PAGE_FREE) {
            long word = host.inspection().pamtEntryWord(PageLevel.SIZE_2M, region(6), 0);
            seen.add(new Seen(point, word >>> 16 & 0x1F, 0));
            entriesSeen.add(td.entry(0, 1));
        }
    }

    /** Which of two pages the bitmap has, when a point is reached. */
    private record Pair(RacePoint point, boolean first, boolean second) {}

    private Pair[] pairSeenBy(Consumer<TestHost> call, RacePoint... points) {
        List<Pair> pairs = new ArrayList<>();
        TestHost[] other = new TestHost[1];
        other[0] = TestHost.ready(TestHost.config().build(), true, point -> {
            if (List.of(points).contains(point)) {
                pairs.add(new Pair(point, other[0].donated(page(9, 0)), other[0].donated(page(9, 1))));
            }
        });
        call.accept(other[0]);
        return pairs.toArray(Pair[]::new);
    }

    @Test
    void addClaimsThePagesOfAPairOneAfterTheOther() {
        Pair[] pairs = pairSeenBy(
                other -> other.add(5, page(9, 0), page(9, 1)),
                RacePoint.REGION_LOCKED,
                RacePoint.PAIR_HALF_CLAIMED,
                RacePoint.PAIR_HALF_REFUSED);
        assertArrayEquals(
                new Pair[] {
                    new Pair(RacePoint.REGION_LOCKED, false, false), new Pair(RacePoint.PAIR_HALF_CLAIMED, true, false)
                },
                pairs);
    }

    @Test
    void addGivesTheFirstPageBackWhenItHasHeardOfTheSecond() {
        Pair[] pairs = pairSeenBy(
                other -> other.add(5, page(9, 0), page(9, 0)),
                RacePoint.PAIR_HALF_CLAIMED,
                RacePoint.PAIR_HALF_REFUSED);
        assertArrayEquals(
                new Pair[] {
                    new Pair(RacePoint.PAIR_HALF_CLAIMED, true, false),
                    new Pair(RacePoint.PAIR_HALF_REFUSED, true, false)
                },
                pairs);
    }

    @Test
    void removeReturnsThePagesOfAPairOneAfterTheOther() {
        Pair[] pairs = pairSeenBy(
                other -> {
                    other.add(5, page(9, 0), page(9, 1));
                    other.remove(5);
                },
                RacePoint.PAIR_HALF_RETURNED);
        assertArrayEquals(new Pair[] {new Pair(RacePoint.PAIR_HALF_RETURNED, false, true)}, pairs);
    }

    @Test
    void aRegionIsSharedBeforeItIsHeldAlone() {
        List<Long> locks = new ArrayList<>();
        TestHost[] other = new TestHost[1];
        other[0] = TestHost.ready(TestHost.config().build(), true, point -> locks.add(other[0].lock2m(5)));
        other[0].setLock2m(5, 4);
        other[0].add(5, page(9, 0), page(9, 1));
        assertEquals(List.of(8L, 10L), locks, "before the promotion, and refused with host priority");
        assertEquals(6, other[0].lock2m(5));
        other[0].setLock2m(5, 0);
        locks.clear();
        other[0].setLock2m(9, 1);
        other[0].add(5, page(9, 0), page(9, 1));
        assertEquals(List.of(4L, 1L, 1L), locks, "before the promotion, held, and the donor refused");
    }

    private void assertFreeButCounted() {
        assertEquals(List.of(new Seen(RacePoint.PAGE_FREE_BUT_COUNTED, PageType.NDA, 1)), seen);
        assertEquals(0, host.pagesInUse(8));
    }

    private void septAdd() {
        expect(TdxStatus.SUCCESS, host.add(8, page(9, 2), page(9, 3)));
        expect(TdxStatus.SUCCESS, td.septAdd(GPA_2M, page(8, 1), NO_PAGE, NO_PAGE, NO_PAGE));
    }

    @Test
    void augPublishesTheEntryBeforeThePageIsTheTds() {
        td.aug(0, region(6));
        assertEquals(List.of(new Seen(RacePoint.ENTRY_VISIBLE_PAGE_FREE, PageType.NDA, 0)), seen);
        assertEquals(List.of(PENDING_2M | region(6)), entriesSeen);
    }

    @Test
    void septRemoveFreesThePageBeforeItIsUncounted() {
        septAdd();
        td.block(GPA_2M);
        td.succeed(SeamcallLeaf.MEM_SEPT_REMOVE, GPA_2M, TDR, 0);
        assertFreeButCounted();
    }

    @Test
    void promoteFreesTheSeptPageBeforeItIsUncounted() {
        expect(TdxStatus.SUCCESS, host.add(8, page(9, 2), page(9, 3)));
        td.aug(0, region(6));
        td.block(GPA_2M);
        long status = td.demote(0, TDR, page(9, 4), page(9, 5), page(8, 1), NO_PAGE, NO_PAGE, NO_PAGE);
        expect(TdxStatus.SUCCESS, status);
        td.block(GPA_2M);
        seen.clear();
        td.succeed(SeamcallLeaf.MEM_PAGE_PROMOTE, GPA_2M, TDR, 0);
        assertFreeButCounted();
    }

    private void augA4KPage() {
        expect(TdxStatus.SUCCESS, host.add(8, page(9, 2), page(9, 3)));
        expect(TdxStatus.SUCCESS, td.septAdd(GPA_2M, septPage(1), NO_PAGE, NO_PAGE, NO_PAGE));
        td.succeed(SeamcallLeaf.MEM_PAGE_AUG, 0, TDR, page(8, 1));
        td.block(0);
        seen.clear();
    }

    @Test
    void pageRemoveFreesThePageBeforeItIsUncounted() {
        augA4KPage();
        td.succeed(SeamcallLeaf.MEM_PAGE_REMOVE, 0, TDR, 0);
        assertFreeButCounted();
    }

    @Test
    void relocateFreesTheOldPageBeforeItIsUncounted() {
        augA4KPage();
        td.succeed(SeamcallLeaf.MEM_PAGE_RELOCATE, 0, TDR, page(5, 100));
        assertFreeButCounted();
    }
}
