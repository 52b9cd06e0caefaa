package dev.pamt.impl;

import dev.pamt.api.PamtPageCache;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;
import org.jetbrains.lincheck.datastructures.ThreadIdGen;
import org.jetbrains.lincheck.datastructures.Validate;

/**
 * The reservations of a VM's cache under Lincheck: a caller that has reserved finds what was reserved, and no pair is anywhere
 * twice. Public because Lincheck asks for it.
 */
@Param(name = "pairs", gen = IntGen.class, conf = "1:2")
public final class VmCacheModel {
    private final Supply supply = new Supply();
    private final Counters counters = new Counters();
    private final VmCache cache = new VmCache(new ManagerLifecycle(), supply, counters.cachedPairs);
    private final PamtPageCache[] reservations = new PamtPageCache[4];
    private boolean shortReservation;

    /** Makes an empty cache. */
    public VmCacheModel() {}

    /** Tops the VM's cache up; how many pairs others have left in it does not matter. */
    @Operation
    public void topUp(@Param(name = "pairs") int pairs) {
        cache.topUp(pairs);
    }

    /** Reserves, and looks what is in the reservation. */
    @Operation
    public int reserve(@Param(gen = ThreadIdGen.class) int thread, @Param(name = "pairs") int pairs) {
        giveUp(thread);
        reservations[thread] = cache.reserve(pairs);
        shortReservation |= reservations[thread].pairs() != pairs;
        return reservations[thread].pairs();
    }

    /** Consumes one pair of the thread's reservation. */
    @Operation
    public int consume(@Param(gen = ThreadIdGen.class) int thread) {
        if (reservations[thread] == null || reservations[thread].pairs() == 0) {
            return -1;
        }
        ((PairCache) reservations[thread]).take(PairSource.NO_REGION);
        supply.out.decrementAndGet();
        return reservations[thread].pairs();
    }

    /** Gives the rest of the thread's reservation up. */
    @Operation
    public void giveUp(@Param(gen = ThreadIdGen.class) int thread) {
        if (reservations[thread] != null) {
            reservations[thread].close();
            reservations[thread] = null;
        }
    }

    /** Every pair that is out is in the cache or in a reservation, and every reservation was full. */
    @Validate
    public void everyPairIsSomewhere() {
        if (shortReservation) {
            throw new AssertionError("a reservation was short");
        }
        int found = cache.unreserved();
        for (PamtPageCache reservation : reservations) {
            found += reservation == null ? 0 : reservation.pairs();
        }
        if (found != supply.out.get() || counters.cachedPairs.sum() != found) {
            throw new AssertionError(found + " pairs of " + supply.out.get());
        }
    }

    private static final class Supply implements PairSource {
        private final AtomicInteger out = new AtomicInteger();
        private final AtomicInteger next = new AtomicInteger();

        @Override
        public PagePair take(long hpa) {
            out.incrementAndGet();
            int pair = next.incrementAndGet();
            return new PagePair(2L * pair, 2L * pair + 1, false);
        }

        @Override
        public void giveBack(PagePair pair) {
            out.decrementAndGet();
        }
    }
}
