package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.CacheExhaustedException;
import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.PamtPageCache;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Pairs in hand: the last that came is the first that goes, each is counted, and a cache that is closed keeps none. */
class PairCacheTest {
    private static final long HPA = TestHost.REGION;

    private final StripedCount counted = new StripedCount();
    private final ManagerLifecycle lifecycle = new ManagerLifecycle();
    private final Supply supply = new Supply();

    /** Pairs from address 0 on, one behind the other. */
    private static final class Supply implements PairSource {
        final List<PagePair> back = new ArrayList<>();
        int taken;
        Runnable taking = () -> {};

        @Override
        public PagePair take(long hpa) {
            assertEquals(NO_REGION, hpa);
            taking.run();
            return pair(taken++);
        }

        @Override
        public void giveBack(PagePair pair) {
            back.add(pair);
        }
    }

    private static PagePair pair(int number) {
        return PagePair.ofChunk(number * PagePair.BYTES);
    }

    private PairCache cache() {
        PairCache cache = new PairCache(lifecycle, supply, supply, counted);
        lifecycle.register(cache);
        return cache;
    }

    private VmCache vmCache() {
        VmCache cache = new VmCache(lifecycle, supply, counted);
        lifecycle.register(cache);
        return cache;
    }

    @Test
    void aTopUpTakesWhatIsMissingAndNoMore() {
        PairCache cache = cache();
        cache.topUp(3);
        assertEquals(3, cache.pairs());
        cache.topUp(2);
        cache.topUp(3);
        cache.topUp(0);
        assertEquals(3, supply.taken);
        cache.topUp(40);
        assertEquals(40, supply.taken);
        assertEquals(40, cache.pairs());
        assertEquals(40, counted.sum());
        assertThrows(IllegalArgumentException.class, () -> cache.topUp(-1));
    }

    @Test
    void theLastPairThatCameIsTheFirstThatGoesAndThenItIsExhausted() {
        PairCache cache = cache();
        cache.topUp(20);
        for (int i = 19; i >= 0; i--) {
            assertEquals(pair(i), cache.take(HPA));
            assertEquals(i, counted.sum());
        }
        CacheExhaustedException none = assertThrows(CacheExhaustedException.class, () -> cache.take(HPA));
        assertEquals(HPA, none.hpa());
        PagePair last = pair(99);
        cache.giveBack(last);
        assertSame(last, cache.take(HPA));
        assertEquals(List.of(), supply.back);
    }

    @Test
    void aCacheThatIsClosedGivesItsPairsBackOnceAndTakesNoneAnyMore() {
        PairCache cache = cache();
        cache.topUp(2);
        cache.close();
        assertEquals(List.of(pair(1), pair(0)), supply.back);
        cache.close();
        assertEquals(2, supply.back.size());
        assertEquals(0, counted.sum());
        assertThrows(ManagerClosedException.class, () -> cache.topUp(1));
        assertThrows(ManagerClosedException.class, () -> cache.topUp(0));
        assertThrows(ManagerClosedException.class, () -> cache.take(HPA));
        cache.giveBack(pair(7));
        assertEquals(pair(7), supply.back.get(2));
        assertEquals(0, cache.pairs());
    }

    @Test
    void aReservationIsFilledFromTheVmsPairsFirstAndGivesBackToThem() {
        VmCache vm = vmCache();
        vm.topUp(2);
        PamtPageCache reservation = vm.reserve(3);
        assertEquals(0, vm.unreserved());
        assertEquals(3, reservation.pairs());
        assertEquals(3, supply.taken);
        assertEquals(3, counted.sum());
        ((PairCache) reservation).take(HPA);
        reservation.close();
        assertEquals(2, vm.unreserved());
        assertEquals(List.of(), supply.back);
        assertEquals(2, counted.sum());
        assertThrows(IllegalArgumentException.class, () -> vm.reserve(0));
        assertThrows(IllegalArgumentException.class, () -> vm.topUp(-1));
        vm.topUp(9);
        assertEquals(9, vm.unreserved());
        assertEquals(9, counted.sum());
    }

    @Test
    void aReservationOutlivesItsVmAndGivesItsPairsToTheSupplyThen() {
        VmCache vm = vmCache();
        PamtPageCache reservation = vm.reserve(1);
        vm.topUp(1);
        vm.close();
        assertEquals(List.of(pair(1)), supply.back);
        assertThrows(ManagerClosedException.class, () -> vm.reserve(1));
        assertThrows(ManagerClosedException.class, () -> vm.topUp(1));
        assertEquals(1, reservation.pairs());
        reservation.close();
        assertEquals(List.of(pair(1), pair(0)), supply.back);
        assertEquals(0, counted.sum());
        vm.close();
        assertEquals(2, supply.back.size());
    }

    @Test
    void whatIsOpenWhenTheManagerClosesIsClosedAndWhatIsClosedIsForgotten() {
        PairCache closed = cache();
        PairCache open = cache();
        VmCache vm = vmCache();
        PamtPageCache reservation = vm.reserve(1);
        open.topUp(1);
        closed.close();
        assertTrue(lifecycle.beginClose());
        lifecycle.decide(true);
        lifecycle.closeCaches();
        assertEquals(0, counted.sum());
        assertEquals(2, supply.back.size());
        assertThrows(ManagerClosedException.class, () -> open.topUp(0));
        assertThrows(ManagerClosedException.class, () -> reservation.topUp(0));
        assertThrows(ManagerClosedException.class, () -> vm.topUp(0));
        assertTrue(open.belongsTo(lifecycle));
        assertFalse(open.belongsTo(new ManagerLifecycle()));
    }

    @Test
    void aCacheOfAClosedManagerIsNotMade() {
        assertTrue(lifecycle.beginClose());
        lifecycle.decide(true);
        PairCache cache = new PairCache(lifecycle, supply, supply, counted);
        assertThrows(ManagerClosedException.class, () -> lifecycle.register(cache));
        assertThrows(ManagerClosedException.class, () -> cache.topUp(0));
    }

    @Test
    void aStackRemembersNoPairThatHasLeftIt() {
        PairStack stack = new PairStack(counted);
        assertNull(stack.poll());
        assertTrue(stack.push(pair(1)));
        assertTrue(stack.wants(2));
        assertFalse(stack.wants(1));
        assertTrue(stack.end());
        assertFalse(stack.end());
        assertFalse(stack.push(pair(2)));
        assertEquals(1, stack.size());
        assertEquals(pair(1), stack.poll());
        assertNull(stack.poll());
        assertEquals(0, counted.sum());
    }

    private static void assertCollected(WeakReference<?> cache) {
        for (int attempt = 0; attempt < 100 && !cache.refersTo(null); attempt++) {
            System.gc();
        }
        assertTrue(cache.refersTo(null), "the manager still knows it");
    }

    @Test
    void aCacheThatIsClosedIsForgotten() {
        PairCache cache = cache();
        WeakReference<PairCache> vcpus = new WeakReference<>(cache);
        cache.close();
        cache = null;
        assertCollected(vcpus);
        VmCache vm = vmCache();
        WeakReference<VmCache> vms = new WeakReference<>(vm);
        vm.close();
        vm = null;
        assertCollected(vms);
    }

    @Test
    void aReservationOfAVmThatIsClosedMeanwhileIsNotMade() {
        VmCache vm = vmCache();
        vm.topUp(2);
        supply.taking = vm::close;
        assertThrows(ManagerClosedException.class, () -> vm.reserve(5));
        assertEquals(3, supply.taken, "no more than the one that was under way");
        assertEquals(3, supply.back.size());
        assertEquals(0, counted.sum());
    }
}
