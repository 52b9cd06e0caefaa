package dev.pamt.impl;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.impl.PairSupply.Adoption;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.ThreadIdGen;
import org.jetbrains.lincheck.datastructures.Validate;

/**
 * The supply under Lincheck: no pair is in two hands, none is forgotten, and no slot keeps a chunk that is not the home. Of the
 * first chunk one pair waits in a slot, each thread has one in its hands, and one is free: so the home moves, and threads meet in
 * the slots. Public because Lincheck asks for it.
 */
@Param(name = "region", gen = IntGen.class, conf = "0:1")
public final class PairSupplyModel {
    private static final int CHUNKS = 3;
    private static final int PAIRS = 256;
    private static final long CHUNKS_HPA = PageAllocator.CHUNK_BYTES;
    private static final MemoryMap MAP =
            MemoryMap.of(List.of(PhysicalRange.between(CHUNKS_HPA, CHUNKS_HPA + CHUNKS * PageAllocator.CHUNK_BYTES)));

    private final RegionTable table = new RegionTable(MAP.ram());
    private final Chunks chunks = new Chunks();
    private final HostPages pages =
            new HostPages(new AttachedHost((rax, regs) -> 0, PhysicalMemory.none(), MAP), chunks, table);
    private final DonorChunks donors = new DonorChunks(MAP.ram());
    private final Regions regions = new Regions(table);
    private final PairPool pool = new PairPool(donors, new PairRecords(MAP.ram(), donors), pages, regions);
    private final PairSupply supply = new PairSupply(pool, donors, pages, regions);
    private final AtomicIntegerArray owners = new AtomicIntegerArray(CHUNKS * PAIRS);
    private final PagePair[][] inHand = new PagePair[4][2];
    private final PagePair[] kept = new PagePair[PAIRS - 4];

    /** Makes a supply of whose first chunk most pairs are out. */
    public PairSupplyModel() {
        begin();
    }

    private void begin() {
        for (int i = 0; i < kept.length; i++) {
            kept[i] = supply.take(PairSource.NO_REGION);
        }
        take(1, 0);
        take(1, 1);
        take(2, 1);
        giveBack(1, 0);
    }

    private static int indexOf(PagePair pair) {
        return (int) ((pair.page0Hpa() - CHUNKS_HPA) / PagePair.BYTES);
    }

    /** Takes a pair for a region, unless the thread has one. */
    @Operation
    public String take(@Param(gen = ThreadIdGen.class) int thread, @Param(name = "region") int region) {
        if (inHand[thread][region] != null) {
            return "has one";
        }
        PagePair pair = supply.take(CHUNKS_HPA + region * PageAllocator.CHUNK_BYTES);
        inHand[thread][region] = pair;
        return owners.getAndIncrement(indexOf(pair)) == 0 ? "taken" : "IN TWO HANDS";
    }

    /** Gives the thread's pair back for a region that may want one again. */
    @Operation
    public void giveBack(@Param(gen = ThreadIdGen.class) int thread, @Param(name = "region") int region) {
        PagePair pair = inHand[thread][region];
        if (pair != null) {
            inHand[thread][region] = null;
            owners.getAndDecrement(indexOf(pair));
            pool.giveBack(pair.page0Hpa(), pair.page1Hpa(), true, CHUNKS_HPA + region * PageAllocator.CHUNK_BYTES);
        }
    }

    /** Gives chunks back that no pair is out of. */
    @Operation
    public void trim() {
        pool.trim();
    }

    /** Every pair is somewhere, and when all have come home and one trim is through all chunks are with the host. */
    @Validate
    public void everyPairIsSomewhere() {
        audit();
    }

    private void audit() {
        long out = kept.length;
        for (PagePair[] hands : inHand) {
            out += (hands[0] == null ? 0 : 1) + (hands[1] == null ? 0 : 1);
        }
        check(PAIRS * pool.donorChunks() == pool.sparePairs() + out, "a pair is missing");
        check(pool.donorChunks() <= 2, "a chunk that no pair is out of, beside another");
        for (int thread = 0; thread < inHand.length; thread++) {
            giveBack(thread, 0);
            giveBack(thread, 1);
        }
        check(pool.donorChunks() <= 2, "a slot keeps a chunk");
        for (PagePair pair : kept) {
            supply.giveBack(pair);
        }
        check(pool.donorChunks() == 1, "a chunk beside the one that is spare");
        pool.trim();
        check(pool.donorChunks() == 0 && chunks.out == 0, "a chunk is not back");
    }

    private static void check(boolean good, String what) {
        if (!good) {
            throw new AssertionError(what);
        }
    }

    private static final class Chunks implements PageAllocator {
        private final boolean[] given = new boolean[CHUNKS];
        private int out;

        @Override
        public long allocPage() {
            return NONE;
        }

        @Override
        public void freePage(long hpa) {
            throw new AssertionError("no page was given");
        }

        @Override
        public synchronized long allocChunk() {
            for (int i = 0; i < CHUNKS; i++) {
                if (!given[i]) {
                    given[i] = true;
                    out++;
                    return CHUNKS_HPA + i * CHUNK_BYTES;
                }
            }
            return NONE;
        }

        @Override
        public synchronized void freeChunk(long hpa) {
            int index = (int) ((hpa - CHUNKS_HPA) / CHUNK_BYTES);
            check(given[index], "a chunk goes back twice");
            given[index] = false;
            out--;
        }
    }

    private static final class Regions implements PairPool.DonorRegions, PairSupply.ChunkAdopter {
        private final RegionTable table;

        Regions(RegionTable table) {
            this.table = table;
        }

        @Override
        public Transition prepare(long chunkHpa) {
            return new Transition(table.region(chunkHpa), chunkHpa, null);
        }

        @Override
        public Adoption adopt(Transition chunk) {
            check(chunk.region.state() == RegionWord.EMPTY, "a chunk that is a donor");
            chunk.region.setState(RegionWord.DONOR);
            return Adoption.ADOPTED;
        }

        @Override
        public boolean release(Transition chunk) {
            chunk.region.setState(RegionWord.EMPTY);
            return true;
        }

        @Override
        public void refuseReentry(String call) {}

        @Override
        public boolean isInsideCall() {
            return false;
        }
    }
}
