package dev.pamt.impl;

import static dev.pamt.impl.Rig.REGION;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.RegionNotMapped2MException;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Mapping, split and merge: what is looked at twice, and what a caller is told. */
class LargePageTransitionsTest {
    private static final long REFUSED = TdxStatus.PAMT_PAGE_NOT_EMPTY.with(0);

    private final Rig rig = new Rig();
    private final Seamcalls module = new Seamcalls(rig.host.platform().processor(0));

    @AfterEach
    void close() {
        assertEquals(Set.of(), rig.locksHeld);
        assertEquals(0, rig.pagesOut());
        rig.close();
    }

    @Test
    void aSplitOfARegionThatIsNotMappedSaysSoThoughTheCacheIsEmpty() {
        PamtManager manager = rig.manager();
        PamtPageCache cache = manager.newVcpuCache();
        assertThrows(RegionNotMapped2MException.class, () -> manager.demote2M(REGION, cache, regs -> 0));
        manager.close();
    }

    @Test
    void aRegionThatIsUnmappedBeforeItsLockIsTakenIsNotSplit() {
        PamtManager manager = rig.builder().lockStrategy(rig).build();
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(1);
        manager.map2M(REGION);
        rig.lock = (held, number) -> {
            rig.lock = (locks, other) -> locks.add(other);
            manager.unmap2M(REGION);
            held.add(number);
        };
        assertThrows(
                RegionNotMapped2MException.class,
                () -> manager.demote2M(REGION, cache, regs -> {
                    throw new AssertionError("the region is not mapped");
                }));
        assertEquals(Kind.EMPTY, manager.state(REGION).kind());
        assertEquals(1, cache.pairs());
        manager.close();
    }

    @Test
    void aSuccessWithDetailsIsToldAsItIs() {
        PamtManager manager = rig.manager();
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(1);
        manager.map2M(REGION);
        long split = 0x17;
        assertEquals(split, manager.demote2M(REGION, cache, regs -> {
            module.pamtAdd(new SeamcallRegisters(), REGION, regs.r12, regs.r13);
            return split;
        }));
        assertEquals(512, manager.state(REGION).users());
        assertEquals(0, manager.stats().calls().adds(), "a split is no ADD");
        assertEquals(1, manager.stats().calls().demotes());
        long merged = 0x2A;
        assertEquals(merged, manager.promote2M(REGION, regs -> {
            SeamcallRegisters removed = new SeamcallRegisters();
            module.pamtRemove(removed, REGION);
            regs.r12 = removed.rdx;
            regs.r13 = removed.r8;
            return merged;
        }));
        assertEquals(Kind.HUGE, manager.state(REGION).kind());
        assertEquals(0, manager.stats().calls().removes(), "a merge is no REMOVE");
        assertEquals(1, manager.stats().calls().promotes());
        manager.unmap2M(REGION);
        manager.close();
        assertEquals(0, manager.stats().pairs().lost());
    }

    @Test
    void aPairThatASplitWasRefusedIsNotTheRegionsAnyMore() {
        PamtManager manager = rig.withoutChunks().manager();
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(1);
        manager.map2M(REGION);
        assertEquals(REFUSED, manager.demote2M(REGION, cache, regs -> REFUSED));
        assertEquals(1, cache.pairs());
        manager.unmap2M(REGION);
        manager.close();
        assertEquals(0, manager.stats().pairs().lost(), "nothing is installed, so a close loses nothing");
    }

    @Test
    void aPairThatAnAddWasRefusedIsNotTheRegionsAnyMore() {
        PamtManager manager = rig.withoutChunks().manager();
        rig.next(SeamcallLeaf.PHYMEM_PAMT_ADD, 1, (provider, rax, regs) -> REFUSED);
        assertThrows(SeamcallFailedException.class, () -> manager.get(REGION));
        manager.close();
        assertEquals(0, manager.stats().pairs().lost(), "nothing is installed, so a close loses nothing");
    }

    @Test
    void aMappingThatTakesAnIdlePairBackEndsItsRetries() {
        PamtManager manager = rig.manager();
        manager.get(REGION);
        rig.next(SeamcallLeaf.PHYMEM_PAMT_REMOVE, 1, (provider, rax, regs) -> REFUSED);
        manager.put(REGION);
        assertEquals(1, manager.stats().calls().retryRegions());
        manager.map2M(REGION);
        assertEquals(0, manager.stats().calls().retryRegions());
        manager.unmap2M(REGION);
        manager.close();
    }

    @Test
    void aMappingThatDoesNotGetAnIdlePairBackHasItTriedAgain() {
        PamtManager manager =
                rig.builder().reclaimPolicy(ReclaimPolicy.keepIdle(2)).build();
        manager.get(REGION);
        manager.put(REGION);
        assertEquals(0, manager.stats().calls().retryRegions());
        rig.next(SeamcallLeaf.PHYMEM_PAMT_REMOVE, 1, (provider, rax, regs) -> REFUSED);
        assertThrows(SeamcallFailedException.class, () -> manager.map2M(REGION));
        assertEquals(Kind.IDLE, manager.state(REGION).kind());
        assertEquals(1, manager.stats().calls().retryRegions());
        manager.close();
    }
}
