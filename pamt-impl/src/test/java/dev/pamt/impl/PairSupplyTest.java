package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PageAllocator;
import dev.pamt.impl.PairSupply.Adoption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Where pairs come from and go to, one thread at a time, with regions of chunks that do as they are told. */
class PairSupplyTest {
    private static final long CHUNK = PageAllocator.CHUNK_BYTES;
    private static final long PAGE = PageAllocator.PAGE_BYTES;
    private static final int PAIRS = 256;
    private static final int STEPS = 30_000;

    private final Rig rig = new Rig();
    private final RegionTable table = new RegionTable(TestHost.MAP.ram());
    private final HostPages pages = new HostPages(rig.host, rig, table);
    private final Regions regions = new Regions();
    private final DonorChunks chunks = new DonorChunks(TestHost.MAP.ram());
    private final PairRecords records = new PairRecords(TestHost.MAP.ram(), chunks);
    private final PairPool pool = new PairPool(chunks, records, pages, regions);
    private final PairSupply supply = new PairSupply(pool, chunks, pages, regions);

    @AfterEach
    void close() {
        assertFalse(chunks.mutex.isLocked());
        rig.close();
    }

    private final class Regions implements PairPool.DonorRegions, PairSupply.ChunkAdopter {
        boolean releases = true;
        /** How often a release fails before one succeeds. */
        int failures;

        boolean insideCall;

        @Override
        public Transition prepare(long chunkHpa) {
            return new Transition(table.region(chunkHpa), chunkHpa, null);
        }

        @Override
        public Adoption adopt(Transition chunk) {
            if (chunk.region.state() != RegionWord.EMPTY) {
                return chunk.region.state() == RegionWord.DONOR ? Adoption.DONOR_ALREADY : Adoption.IN_USE;
            }
            chunk.region.setState(RegionWord.DONOR);
            return Adoption.ADOPTED;
        }

        @Override
        public boolean release(Transition chunk) {
            if (failures > 0) {
                failures--;
                return false;
            }
            if (releases) {
                chunk.region.setState(RegionWord.EMPTY);
            }
            return releases;
        }

        @Override
        public void refuseReentry(String call) {
            assertFalse(insideCall, call);
        }

        @Override
        public boolean isInsideCall() {
            return insideCall;
        }
    }

    private Region region(int index) {
        return table.region(TestHost.REGION + index * CHUNK);
    }

    /** A transition of a region, whose pages are to be compared. */
    private Transition transition(Region region) {
        return new Transition(region, region.hpa, null);
    }

    private boolean takesBack(Region region, long page0Hpa, long page1Hpa) {
        return records.takeBack(transition(region), page0Hpa, page1Hpa);
    }

    private List<PagePair> take(int pairs) {
        List<PagePair> taken = new ArrayList<>();
        for (int i = 0; i < pairs; i++) {
            taken.add(supply.take(PairSource.NO_REGION));
        }
        return taken;
    }

    private static long chunkOf(PagePair pair) {
        return pair.page0Hpa() & -CHUNK;
    }

    private void giveBackScrubbed(PagePair pair, long hpa) {
        pool.giveBack(pair.page0Hpa(), pair.page1Hpa(), pair.fromChunk(), hpa);
    }

    @Test
    void aChunkIs256PairsOfNeighbouringPagesLowestFirst() {
        List<PagePair> taken = take(PAIRS);
        long chunk = chunkOf(taken.get(0));
        for (int i = 0; i < PAIRS; i++) {
            assertEquals(new PagePair(chunk + 2 * PAGE * i, chunk + 2 * PAGE * i + PAGE, true), taken.get(i));
            assertEquals(RegionWord.DONOR, table.region(chunk).state());
        }
        assertEquals(1, pool.donorChunks());
        assertEquals(0, pool.sparePairs());
        assertEquals(512, rig.pagesOut());
        assertNotEquals(chunk, chunkOf(supply.take(PairSource.NO_REGION)));
        assertEquals(2, pool.donorChunks());
        assertEquals(PAIRS - 1, pool.sparePairs());
    }

    @Test
    void aPairThatComesHomeWaitsForItsRegionAndIsTakenOnce() {
        PagePair first = supply.take(TestHost.REGION);
        PagePair second = supply.take(TestHost.NEXT_REGION);
        giveBackScrubbed(second, TestHost.NEXT_REGION);
        giveBackScrubbed(first, TestHost.REGION);
        assertEquals(PAIRS, pool.sparePairs());
        assertEquals(first, supply.take(TestHost.REGION));
        assertEquals(second, supply.take(TestHost.NEXT_REGION));
        assertEquals(PAIRS - 2, pool.sparePairs());
        assertEquals(chunkOf(first) + 4 * PAGE, supply.take(TestHost.REGION).page0Hpa());
    }

    @Test
    void aSecondPairForOneRegionGoesIntoTheChunk() {
        PagePair first = supply.take(TestHost.REGION);
        PagePair second = supply.take(TestHost.REGION);
        giveBackScrubbed(second, TestHost.REGION);
        giveBackScrubbed(first, TestHost.REGION);
        assertEquals(PAIRS, pool.sparePairs());
        assertEquals(second, supply.take(TestHost.REGION), "from the slot");
        assertEquals(first, supply.take(TestHost.REGION), "the lowest of the chunk");
    }

    @Test
    void whenAllHaveComeHomeOneChunkStaysUntilItIsTrimmed() {
        List<PagePair> taken = take(3 * PAIRS + 1);
        assertEquals(4, pool.donorChunks());
        taken.forEach(supply::giveBack);
        assertEquals(1, pool.donorChunks());
        assertEquals(PAIRS, pool.sparePairs());
        assertEquals(512, rig.pagesOut());
        pool.trim();
        assertEquals(0, pool.donorChunks());
        assertEquals(0, pool.sparePairs());
        assertEquals(0, rig.pagesOut());
        for (PagePair pair : taken) {
            assertEquals(RegionWord.EMPTY, table.region(chunkOf(pair)).state());
        }
    }

    @Test
    void pairsOfTheFullestChunkAreTakenFirstWhenTheHomeIsUsedUp() {
        List<PagePair> taken = take(3 * PAIRS);
        // Chunk 0 has ten free pairs, chunk 1 three.
        taken.subList(0, 10).forEach(supply::giveBack);
        taken.subList(PAIRS, PAIRS + 3).forEach(supply::giveBack);
        Set<Long> chunks = new HashSet<>();
        for (PagePair pair : take(3)) {
            chunks.add(chunkOf(pair));
        }
        // The first that came back made its chunk home again, and it stays so until it is used up.
        assertEquals(1, chunks.size());
        assertEquals(3, pool.donorChunks());
        assertEquals(10, pool.sparePairs());
    }

    @Test
    void aPairOfAnotherChunkThanTheHomeGoesIntoNoSlotAndItsChunkGoesWithTheLastOne() {
        List<PagePair> taken = take(PAIRS + 1);
        for (PagePair pair : taken.subList(0, PAIRS)) {
            giveBackScrubbed(pair, TestHost.REGION);
        }
        assertEquals(1, pool.donorChunks(), "no slot pins the first chunk");
        assertEquals(RegionWord.EMPTY, table.region(chunkOf(taken.get(0))).state());
        assertEquals(PAIRS - 1, pool.sparePairs());
    }

    @Test
    void aChunkWhoseRegionCannotBeReleasedStaysAndGoesLater() {
        List<PagePair> taken = take(1);
        taken.forEach(supply::giveBack);
        regions.releases = false;
        pool.trim();
        assertEquals(1, pool.donorChunks());
        assertEquals(PAIRS, pool.sparePairs());
        assertEquals(512, rig.pagesOut());
        PagePair again = supply.take(TestHost.REGION);
        assertEquals(chunkOf(taken.get(0)), chunkOf(again));
        supply.giveBack(again);
        regions.releases = true;
        pool.trim();
        assertEquals(0, pool.donorChunks());
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void noChunkIsReleasedFromInsideACall() {
        PagePair pair = supply.take(TestHost.REGION);
        regions.insideCall = true;
        supply.giveBack(pair);
        pool.trim();
        assertEquals(1, pool.donorChunks());
        regions.insideCall = false;
        pool.trim();
        assertEquals(0, pool.donorChunks());
    }

    @Test
    void aChunkInARegionThatIsInUseGoesBackAndOneThatIsADonorDoesNot() {
        long[] chunk = new long[1];
        int[] given = new int[1];
        rig.takeChunk = allocator -> {
            chunk[0] = allocator.allocChunk();
            table.region(chunk[0]).setState(RegionWord.backed(1));
            return chunk[0];
        };
        rig.giveChunk = (allocator, hpa) -> {
            assertEquals(chunk[0], hpa);
            given[0]++;
            allocator.freeChunk(hpa);
        };
        assertFalse(supply.take(TestHost.REGION).fromChunk());
        assertEquals(1, given[0]);
        assertEquals(RegionWord.backed(1), table.region(chunk[0]).word());
        assertEquals(0, pool.donorChunks());

        rig.takeChunk = allocator -> {
            chunk[0] = allocator.allocChunk();
            table.region(chunk[0]).setState(RegionWord.DONOR);
            return chunk[0];
        };
        assertFalse(supply.take(TestHost.REGION).fromChunk());
        assertEquals(1, given[0], "it is in use by its first owner");
        assertEquals(0, pool.donorChunks());
    }

    @Test
    void aPairOfSinglePagesIsTwoPagesOfTheHostThatGoBackAtOnce() {
        rig.withoutChunks();
        PagePair pair = supply.take(TestHost.REGION);
        assertFalse(pair.fromChunk());
        assertNotEquals(pair.page0Hpa(), pair.page1Hpa());
        assertEquals(2, rig.pagesOut());
        giveBackScrubbed(pair, TestHost.REGION);
        assertEquals(0, rig.pagesOut());
        assertEquals(0, pages.pages(PageLedger.Holder.PAIR));
    }

    @Test
    void onlyTheRegionThatHoldsAPairOfAChunkGivesItBackAndOnlyThatPair() {
        PagePair pair = supply.take(TestHost.REGION);
        PagePair other = supply.take(TestHost.REGION);
        records.hold(region(0), pair);
        records.hold(region(1), other);
        long page0 = pair.page0Hpa();
        assertFalse(takesBack(region(1), page0, page0 + PAGE), "another region's pair");
        assertFalse(takesBack(region(0), other.page0Hpa(), other.page1Hpa()));
        assertFalse(takesBack(region(0), page0, page0), "the second page is not the second page");
        assertFalse(takesBack(region(0), page0, page0 + 2 * PAGE));
        assertFalse(takesBack(region(0), page0 + PAGE, page0 + 2 * PAGE), "no pair begins there");
        assertFalse(takesBack(region(0), page0 + PAGE, page0));
        assertFalse(takesBack(region(0), page0 + 8, page0 + PAGE + 8));
        assertFalse(takesBack(region(0), TestHost.REGION, TestHost.REGION + PAGE), "no chunk lies there");
        assertTrue(records.holdsAny(region(0)));
        Transition back = transition(region(0));
        assertTrue(records.takeBack(back, page0, page0 + PAGE));
        assertTrue(back.cameFromChunk);
        assertFalse(records.holdsAny(region(0)));
        assertTrue(records.holdsAny(region(1)));
        assertFalse(takesBack(region(0), page0, page0 + PAGE), "a second time");
    }

    @Test
    void onlyTheRegionThatHoldsAPairOfSinglePagesGivesItBackAndOnlyThatPair() {
        rig.withoutChunks();
        PagePair pair = supply.take(TestHost.REGION);
        PagePair other = supply.take(TestHost.REGION);
        assertFalse(takesBack(region(0), pair.page0Hpa(), pair.page1Hpa()), "nothing is held yet");
        records.hold(region(0), pair);
        records.hold(region(1), other);
        assertFalse(takesBack(region(1), pair.page0Hpa(), pair.page1Hpa()));
        assertFalse(takesBack(region(0), pair.page1Hpa(), pair.page0Hpa()), "in this order");
        assertFalse(takesBack(region(0), pair.page0Hpa(), other.page1Hpa()));
        assertFalse(takesBack(region(0), other.page0Hpa(), pair.page1Hpa()));
        assertFalse(takesBack(region(0), pair.page0Hpa() + 1, pair.page1Hpa()));
        assertFalse(takesBack(region(0), pair.page0Hpa(), pair.page1Hpa() + 2));
        assertTrue(records.holdsAny(region(0)));
        Transition back = transition(region(0));
        assertTrue(records.takeBack(back, pair.page0Hpa(), pair.page1Hpa()));
        assertFalse(back.cameFromChunk);
        assertFalse(records.holdsAny(region(0)));
        assertTrue(records.holdsAny(region(1)));
        assertFalse(takesBack(region(0), pair.page0Hpa(), pair.page1Hpa()));
    }

    @Test
    void aRegionLosesThePairThatItHoldsWhicheverKindItIs() {
        PagePair ofChunk = supply.take(TestHost.REGION);
        rig.withoutChunks();
        take(PAIRS - 1);
        PagePair single = supply.take(TestHost.REGION);
        records.hold(region(0), ofChunk);
        records.hold(region(1), single);
        assertFalse(records.lose(region(2)));
        assertTrue(records.lose(region(0)));
        assertFalse(records.lose(region(0)));
        assertTrue(records.lose(region(1)));
        assertFalse(records.lose(region(1)));
        assertFalse(records.holdsAny(region(0)) || records.holdsAny(region(1)));
        assertFalse(takesBack(region(0), ofChunk.page0Hpa(), ofChunk.page1Hpa()));
        assertFalse(takesBack(region(1), single.page0Hpa(), single.page1Hpa()));
    }

    @Test
    void allPairsThatRegionsHoldAreLostAtOnce() {
        List<PagePair> taken = take(PAIRS + 3);
        rig.withoutChunks();
        take(PAIRS - 3);
        for (int i = 0; i < taken.size(); i++) {
            records.hold(region(i % 100), taken.get(i));
        }
        // Regions of the first gigabyte as well, and of every place in it.
        Region low = table.region(0x20_0000L);
        records.hold(low, supply.take(low.hpa));
        Region top = table.region(0x1_3FE0_0000L);
        records.hold(top, supply.take(TestHost.REGION));
        assertEquals(taken.size() + 2, records.loseAll());
        assertEquals(0, records.loseAll());
        assertFalse(records.holdsAny(low) || records.holdsAny(top) || records.holdsAny(region(3)));
    }

    @Test
    void sixtyFourPairsAreSetAsideAndComeBackWithATrim() {
        List<PagePair> taken = take(66);
        for (int i = 0; i < 64; i++) {
            assertTrue(pool.setAside(taken.get(i)));
            assertEquals(i + 1, pool.setAsidePairs());
        }
        assertFalse(pool.setAside(taken.get(64)));
        assertEquals(64, pool.setAsidePairs());
        pool.trim();
        assertEquals(0, pool.setAsidePairs());
        assertEquals(PAIRS - 2, pool.sparePairs());
        assertTrue(pool.setAside(taken.get(64)));
        supply.giveBack(taken.get(65));
        pool.trim();
        assertEquals(0, pool.donorChunks());
    }

    @Test
    void afterTheCloseNothingIsTakenAndWhatComesHomeGoesToTheHost() {
        List<PagePair> taken = take(PAIRS + 2);
        giveBackScrubbed(taken.get(PAIRS + 1), TestHost.REGION);
        rig.withoutChunks();
        take(PAIRS - 1);
        PagePair single = supply.take(TestHost.REGION);
        pool.close();
        assertThrows(ManagerClosedException.class, () -> supply.take(TestHost.REGION));
        assertFalse(pool.setAside(single));
        assertEquals(2, pool.donorChunks());
        for (PagePair pair : taken.subList(0, PAIRS)) {
            giveBackScrubbed(pair, TestHost.REGION);
        }
        assertEquals(1, pool.donorChunks(), "the first chunk went with its last pair");
        giveBackScrubbed(single, TestHost.REGION);
        assertEquals(512, rig.pagesOut());
    }

    @Test
    void theWaitOfACloseEndsWithHowManyPagesAreOut() {
        List<PagePair> taken = take(5);
        rig.withoutChunks();
        take(PAIRS - 5);
        List<PagePair> singles = take(4);
        records.hold(region(0), taken.get(0));
        records.hold(region(1), singles.get(0));
        assertTrue(records.lose(region(0)));
        assertTrue(records.lose(region(1)));
        records.losePair(taken.get(1).page0Hpa(), true);
        records.losePair(singles.get(1).page0Hpa(), false);
        supply.giveBack(taken.get(2));
        pool.close();
        long pairsOut = (PAIRS - 3) + (4 - 2);
        assertEquals(2 * pairsOut, pool.awaitPages(), "lost pairs are not waited for");
    }

    @Test
    void aChunkOnItsWayIsWaitedForInEitherDirection() throws Exception {
        Point fetching = new Point();
        rig.takeChunk = allocator -> {
            fetching.pass();
            return allocator.allocChunk();
        };
        Thread taker = new Thread(() -> supply.giveBack(supply.take(TestHost.REGION)));
        taker.start();
        fetching.awaitReached();
        pages.close();
        assertEquals(512, pool.awaitPages(), "from the host");
        Point giving = new Point();
        rig.giveChunk = (allocator, hpa) -> {
            giving.pass();
            allocator.freeChunk(hpa);
        };
        fetching.open();
        giving.awaitReached();
        assertEquals(512, pool.awaitPages(), "to the host");
        giving.open();
        taker.join(20_000);
        assertEquals(0, pool.awaitPages());
        assertEquals(0, rig.pagesOut());
    }

    /** Every pair is in one place, whatever is done with it; chunks without a user are one at most. */
    @Test
    void everyPairIsInOnePlace() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        List<PagePair> inHand = new ArrayList<>();
        Map<Integer, PagePair> held = new HashMap<>();
        Set<Long> away = new HashSet<>();
        Map<Long, Integer> lost = new HashMap<>();
        List<PagePair> setAside = new ArrayList<>();
        for (int step = 0; step < STEPS; step++) {
            String where = "seed " + seed + ", step " + step;
            int regionIndex = random.nextInt(700);
            long hpa = region(regionIndex % 100).hpa;
            boolean grows = step / 3000 % 2 == 0;
            int choice = random.nextInt(20);
            if (choice < (grows ? 9 : 3)) {
                PagePair pair = supply.take(hpa);
                assertTrue(away.add(pair.page0Hpa()), where);
                inHand.add(pair);
            } else if (choice < 14 && !inHand.isEmpty()) {
                PagePair pair = inHand.remove(random.nextInt(inHand.size()));
                away.remove(pair.page0Hpa());
                giveBackScrubbed(pair, random.nextBoolean() ? hpa : PairSource.NO_REGION);
            } else if (choice < 16 && !inHand.isEmpty() && !held.containsKey(regionIndex % 100)) {
                PagePair pair = inHand.remove(random.nextInt(inHand.size()));
                records.hold(region(regionIndex % 100), pair);
                held.put(regionIndex % 100, pair);
            } else if (choice < 18 && held.containsKey(regionIndex % 100)) {
                PagePair pair = held.remove(regionIndex % 100);
                if (random.nextInt(200) == 0) {
                    assertTrue(records.lose(region(regionIndex % 100)), where);
                    lost.merge(chunkOf(pair), 1, Integer::sum);
                } else {
                    assertTrue(takesBack(region(regionIndex % 100), pair.page0Hpa(), pair.page1Hpa()), where);
                    inHand.add(pair);
                }
            } else if (choice == 18 && random.nextInt(100) == 0) {
                pool.trim();
                setAside.forEach(pair -> away.remove(pair.page0Hpa()));
                setAside.clear();
            } else if (choice == 19 && !inHand.isEmpty() && setAside.size() < 64 && random.nextInt(50) == 0) {
                PagePair pair = inHand.remove(inHand.size() - 1);
                assertTrue(pool.setAside(pair), where);
                setAside.add(pair);
            }
            Set<Long> chunksInUse = new HashSet<>();
            away.forEach(page0 -> chunksInUse.add(page0 & -CHUNK));
            long lostPairs = lost.values().stream().mapToInt(Integer::intValue).sum();
            long out = inHand.size() + held.size() + lostPairs + setAside.size();
            assertEquals(pool.donorChunks() * PAIRS - out, pool.sparePairs(), where);
            assertTrue(pool.donorChunks() <= chunksInUse.size() + 1, where);
            assertEquals(setAside.size(), pool.setAsidePairs(), where);
        }
        inHand.forEach(supply::giveBack);
        held.forEach((index, pair) -> {
            assertTrue(takesBack(region(index), pair.page0Hpa(), pair.page1Hpa()));
            supply.giveBack(pair);
        });
        pool.trim();
        pool.trim();
        assertEquals(lost.size(), pool.donorChunks(), "seed " + seed);
        assertEquals(512L * lost.size(), rig.pagesOut(), "seed " + seed);
    }

    @Test
    void aPairThatWaitsForAnotherRegionIsTakenFromTheChunkWhenThatHasNoneLeft() {
        List<PagePair> taken = take(PAIRS);
        giveBackScrubbed(taken.get(7), TestHost.REGION);
        assertEquals(taken.get(7), pool.takeFromChunks());
        assertNull(pool.takeFromChunks());
    }

    @Test
    void theHomeStaysWhenAnotherChunkGoes() {
        List<PagePair> taken = take(2 * PAIRS + 100);
        taken.subList(0, 3).forEach(supply::giveBack);
        taken.subList(PAIRS, 2 * PAIRS).forEach(supply::giveBack);
        assertEquals(2, pool.donorChunks());
        assertEquals(chunkOf(taken.get(2 * PAIRS)), chunkOf(pool.takeFromChunks()), "not the fullest");
    }

    @Test
    void theHomeGoesWhenItIsWholeAndAnotherChunkHasAFreePair() {
        List<PagePair> taken = take(2 * PAIRS);
        taken.subList(0, PAIRS).forEach(supply::giveBack);
        assertEquals(2, pool.donorChunks(), "no other has a free pair");
        supply.giveBack(taken.get(PAIRS));
        assertEquals(1, pool.donorChunks());
        assertEquals(RegionWord.EMPTY, table.region(chunkOf(taken.get(0))).state());
        assertEquals(1, pool.sparePairs());
        assertEquals(taken.get(PAIRS), supply.take(PairSource.NO_REGION));
    }

    @Test
    void ofTwoChunksWhosePairsAreAllBackOneStays() {
        List<PagePair> taken = take(2 * PAIRS);
        taken.subList(0, PAIRS).forEach(supply::giveBack);
        taken.subList(PAIRS, 2 * PAIRS).forEach(supply::giveBack);
        assertEquals(1, pool.donorChunks());
        assertEquals(PAIRS, pool.sparePairs());
    }

    @Test
    void aChunkThatHasGoneGivesNoPairs() {
        supply.giveBack(supply.take(TestHost.REGION));
        pool.trim();
        assertEquals(0, pool.donorChunks());
        supply.take(TestHost.REGION);
        assertEquals(2, rig.chunksTaken);
        assertEquals(1, pool.donorChunks());
        assertEquals(PAIRS - 1, pool.sparePairs());
    }

    @Test
    void aCloseGivesEveryChunkBackWithoutAWait() {
        supply.giveBack(supply.take(TestHost.REGION));
        pool.close();
        assertEquals(0, pool.donorChunks());
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void aChunkThatCouldNotBeReleasedIsTriedAgainWhileACloseWaits() {
        supply.giveBack(supply.take(TestHost.REGION));
        regions.failures = 3;
        pool.close();
        assertEquals(1, pool.donorChunks());
        assertEquals(0, pool.awaitPages());
        assertEquals(0, rig.pagesOut());
    }

    @Test
    void whatAllRegionsHaveLostIsNotWaitedFor() {
        List<PagePair> ofChunk = take(3);
        rig.withoutChunks();
        take(PAIRS - 3).forEach(supply::giveBack);
        List<PagePair> all = new ArrayList<>(ofChunk);
        for (int i = 0; i < 5; i++) {
            all.add(pages.takePair(PairSource.NO_REGION));
        }
        for (int i = 0; i < all.size(); i++) {
            records.hold(region(i), all.get(i));
        }
        assertEquals(all.size(), records.loseAll());
        assertEquals(5, records.lostSingles());
        pool.close();
        assertEquals(0, pool.awaitPages());
    }

    @Test
    void aChunkInTheFirstGigabyteIsFoundAsAnyOther() {
        rig.takeChunk = allocator -> 0x40_0000;
        PagePair pair = supply.take(TestHost.REGION);
        assertEquals(0x40_0000, chunkOf(pair));
        records.hold(region(0), pair);
        assertTrue(records.holdsAny(region(0)));
        assertTrue(records.lose(region(0)));
    }

    @Test
    void pagesThatTheHostDoesNotGiveAreNotCountedAndNothingElseIsGivenBack() {
        rig.withoutChunks();
        rig.takePage = allocator -> PageAllocator.NONE;
        assertThrows(OutOfPagesException.class, () -> pages.takeForCaller(hpa -> {}));
        assertThrows(OutOfPagesException.class, () -> pages.takePair(TestHost.REGION));
        int[] calls = new int[1];
        rig.takePage = allocator -> calls[0]++ == 0 ? allocator.allocPage() : PageAllocator.NONE;
        assertThrows(OutOfPagesException.class, () -> pages.takePair(TestHost.REGION));
        assertEquals(2, calls[0]);
        assertEquals(0, pages.pages(PageLedger.Holder.CALLER));
        assertEquals(0, pages.pages(PageLedger.Holder.PAIR));
        assertEquals(0, pages.stranded());
        assertEquals(0, rig.pagesOut());
    }
}
