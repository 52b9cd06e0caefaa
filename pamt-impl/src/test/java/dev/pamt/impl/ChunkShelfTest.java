package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Donor chunks and the shelf they stand on, against a list that is searched from end to end. */
class ChunkShelfTest {
    private static final long BASE = 0x1_0000_0000L;
    private static final long CHUNK_BYTES = 2L << 20;
    private static final long REGION = 0x1234;
    private static final int STEPS = 200_000;

    private final ChunkShelf shelf = new ChunkShelf();

    private static DonorChunk chunk(int index) {
        return new DonorChunk(BASE + index * CHUNK_BYTES, null);
    }

    @Test
    void theShelfKnowsTheFullestTheWholeAndTheSum() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        List<DonorChunk> chunks = new ArrayList<>();
        Map<DonorChunk, BitSet> taken = new HashMap<>();
        for (int step = 0; step < STEPS; step++) {
            int choice = random.nextInt(100);
            if (chunks.isEmpty() || (choice == 0 && chunks.size() < 12)) {
                DonorChunk chunk = chunk(step);
                chunks.add(chunk);
                taken.put(chunk, new BitSet());
                shelf.add(chunk);
            } else {
                DonorChunk chunk = chunks.get(random.nextInt(chunks.size()));
                BitSet pairs = taken.get(chunk);
                // Waves of taking and of giving back, so that chunks become empty and whole.
                boolean takes = random.nextInt(10) < (step / 8000 % 2 == 0 ? 8 : 2);
                shelf.remove(chunk);
                if (takes && pairs.cardinality() < DonorChunk.PAIRS) {
                    long pair = chunk.firstFreeHpa();
                    assertEquals(chunk.hpa + pairs.nextClearBit(0) * PagePair.BYTES, pair, () -> "seed " + seed);
                    chunk.take(pair);
                    pairs.set(pairs.nextClearBit(0));
                } else if (!takes && !pairs.isEmpty()) {
                    int pair = pairs.previousSetBit(random.nextInt(DonorChunk.PAIRS));
                    pair = pair < 0 ? pairs.nextSetBit(0) : pair;
                    chunk.putBack(chunk.hpa + pair * PagePair.BYTES);
                    pairs.clear(pair);
                }
                shelf.add(chunk);
            }
            compare(chunks, taken, seed);
        }
        chunks.forEach(shelf::remove);
        assertNull(shelf.fullest());
        assertNull(shelf.whole());
        assertEquals(0, shelf.freePairs());
    }

    private void compare(List<DonorChunk> chunks, Map<DonorChunk, BitSet> taken, long seed) {
        int fewest = Integer.MAX_VALUE;
        long sum = 0;
        int whole = 0;
        for (DonorChunk chunk : chunks) {
            int free = DonorChunk.PAIRS - taken.get(chunk).cardinality();
            assertEquals(free, chunk.freePairs(), () -> "seed " + seed);
            assertEquals(free == DonorChunk.PAIRS, chunk.isWhole());
            assertEquals(DonorChunk.PAIRS - free, chunk.pairsOut());
            fewest = free == 0 ? fewest : Math.min(fewest, free);
            sum += free;
            whole += free == DonorChunk.PAIRS ? 1 : 0;
        }
        assertEquals(sum, shelf.freePairs(), () -> "seed " + seed);
        DonorChunk fullest = shelf.fullest();
        assertEquals(fewest, fullest == null ? Integer.MAX_VALUE : fullest.freePairs(), () -> "seed " + seed);
        int found = 0;
        DonorChunk previous = null;
        for (DonorChunk chunk = shelf.whole(); chunk != null; chunk = chunk.next) {
            assertTrue(chunk.isWhole(), () -> "seed " + seed);
            assertEquals(previous, chunk.previous, () -> "seed " + seed);
            previous = chunk;
            found++;
        }
        assertEquals(whole, found, () -> "seed " + seed);
    }

    @Test
    void aRegionThatHoldsAPairIsKnownAndNoOther() {
        DonorChunk chunk = chunk(0);
        for (int index = 0; index < DonorChunk.PAIRS; index++) {
            long pair = chunk.hpa + index * PagePair.BYTES;
            assertFalse(chunk.isHeldBy(REGION));
            chunk.setHolder(pair, REGION);
            assertTrue(chunk.isHeldBy(REGION), "pair " + index);
            assertFalse(chunk.isHeldBy(REGION + 1));
            assertFalse(chunk.clearHolder(pair, REGION + 1));
            assertFalse(chunk.clearHolder(chunk.hpa + (index ^ 1) * PagePair.BYTES, REGION));
            assertTrue(chunk.clearHolder(pair, REGION));
            assertFalse(chunk.clearHolder(pair, REGION));
        }
    }

    @Test
    void theFirstRegionOfMemoryHoldsAPairAsAnyOther() {
        DonorChunk chunk = chunk(0);
        assertFalse(chunk.isHeldBy(0));
        assertFalse(chunk.lose(0));
        chunk.setHolder(chunk.hpa, 0);
        assertTrue(chunk.isHeldBy(0));
        assertTrue(chunk.clearHolder(chunk.hpa, 0));
    }

    @Test
    void aPairThatIsLostIsOutNoMoreAndNotFree() {
        DonorChunk chunk = chunk(0);
        long last = chunk.hpa + CHUNK_BYTES - PagePair.BYTES;
        for (int pair = 0; pair < 5; pair++) {
            chunk.take(chunk.hpa + pair * PagePair.BYTES);
            chunk.setHolder(chunk.hpa + pair * PagePair.BYTES, REGION + pair);
        }
        chunk.take(last);
        assertEquals(6, chunk.pairsOut());
        assertTrue(chunk.lose(REGION + 4));
        assertFalse(chunk.lose(REGION + 4), "it holds none any more");
        assertEquals(5, chunk.pairsOut());
        chunk.losePair(last);
        assertEquals(4, chunk.pairsOut());
        assertEquals(250, chunk.freePairs());
        assertEquals(4, chunk.loseAll());
        assertEquals(0, chunk.loseAll());
        assertEquals(0, chunk.pairsOut());
        assertFalse(chunk.clearHolder(chunk.hpa, REGION), "a pair that is lost is held by no region");
        assertFalse(chunk.isWhole());
    }
}
