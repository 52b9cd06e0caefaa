package dev.pamt.impl;

import static dev.pamt.impl.Rig.REGION;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.TdxStatus;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Policies of users: by age, by pressure, by whatever they like, and those that misbehave. */
class ReclaimPoliciesTest {
    private static final int MOST = 4;

    private final Rig rig = new Rig();

    @AfterEach
    void close() {
        rig.close();
    }

    /** A policy that keeps up to four regions idle, and asks a test. */
    private record Asks(Predicate<ReclaimPolicy.IdleRegions> question) implements ReclaimPolicy {
        @Override
        public String name() {
            return "asks";
        }

        @Override
        public int idleRegions() {
            return MOST;
        }

        @Override
        public boolean takesBackFirst(IdleRegions idle) {
            return question.test(idle);
        }
    }

    private PamtManager manager(Predicate<ReclaimPolicy.IdleRegions> question) {
        return rig.builder().reclaimPolicy(new Asks(question)).build();
    }

    private static long region(int index) {
        return REGION + index * PageAllocator.CHUNK_BYTES;
    }

    private static void touch(PamtManager manager, int index) {
        manager.get(region(index));
        manager.put(region(index));
    }

    private static List<Kind> kinds(PamtManager manager, int regions) {
        List<Kind> kinds = new ArrayList<>();
        for (int index = 0; index < regions; index++) {
            kinds.add(manager.state(region(index)).kind());
        }
        return kinds;
    }

    @Test
    void underPressureAllIdleRegionsLoseTheirPairs() {
        boolean[] pressure = new boolean[1];
        PamtManager manager = manager(idle -> pressure[0]);
        for (int index = 0; index < 3; index++) {
            touch(manager, index);
        }
        assertEquals(0, manager.reclaimIdle());
        assertEquals(List.of(Kind.IDLE, Kind.IDLE, Kind.IDLE), kinds(manager, 3));
        pressure[0] = true;
        assertEquals(3, manager.reclaimIdle());
        assertEquals(List.of(Kind.EMPTY, Kind.EMPTY, Kind.EMPTY), kinds(manager, 3));
        touch(manager, 0);
        assertEquals(Kind.EMPTY, manager.state(REGION).kind(), "at the last put as well");
        manager.close();
    }

    @Test
    void aPolicyByAgeTakesTheOldOnesAndStopsAtTheFirstYoungOne() throws InterruptedException {
        long[] age = {Long.MAX_VALUE};
        PamtManager manager = manager(idle -> idle.firstIdleNanos() > age[0]);
        touch(manager, 0);
        touch(manager, 1);
        Thread.sleep(300);
        touch(manager, 2);
        assertEquals(0, manager.reclaimIdle());
        age[0] = 200_000_000;
        assertEquals(2, manager.reclaimIdle());
        assertEquals(List.of(Kind.EMPTY, Kind.EMPTY, Kind.IDLE), kinds(manager, 3));
        manager.close();
    }

    @Test
    void beyondItsBoundNoPolicyIsAsked() {
        List<Integer> asked = new ArrayList<>();
        PamtManager manager = manager(idle -> {
            asked.add(idle.count());
            return false;
        });
        for (int index = 0; index < MOST + 2; index++) {
            touch(manager, index);
        }
        assertEquals(
                List.of(Kind.EMPTY, Kind.EMPTY, Kind.IDLE, Kind.IDLE, Kind.IDLE, Kind.IDLE), kinds(manager, MOST + 2));
        assertEquals(List.of(1, 2, 3, 4, 4, 4), asked);
        manager.close();
    }

    @Test
    void aRegionThatHasGotUsersMeanwhileLosesNothing() {
        boolean[] pressure = new boolean[1];
        PamtManager manager = manager(idle -> pressure[0]);
        touch(manager, 0);
        touch(manager, 1);
        manager.get(REGION);
        pressure[0] = true;
        assertEquals(1, manager.reclaimIdle());
        assertEquals(1, manager.state(REGION).users());
        manager.put(REGION);
        manager.close();
    }

    @Test
    void aPolicyThatThrowsIsTakenForNo() {
        PamtManager manager = manager(idle -> {
            throw new UnsupportedOperationException("a fault of the policy");
        });
        touch(manager, 0);
        assertEquals(Kind.IDLE, manager.state(REGION).kind());
        assertEquals(0, manager.reclaimIdle());
        assertEquals(1, manager.trim());
        manager.close();
        assertThrows(ManagerClosedException.class, manager::reclaimIdle);
    }

    @Test
    void aPolicyThatKeepsAnImpossibleNumberIsRefused() {
        for (int most : new int[] {-1, ReclaimPolicy.MAX_IDLE_REGIONS + 1}) {
            ReclaimPolicy policy = new ReclaimPolicy() {
                @Override
                public String name() {
                    return "impossible";
                }

                @Override
                public int idleRegions() {
                    return most;
                }

                @Override
                public boolean takesBackFirst(IdleRegions idle) {
                    return true;
                }
            };
            IllegalArgumentException refused = assertThrows(
                    IllegalArgumentException.class, () -> PamtManager.builder().reclaimPolicy(policy));
            assertEquals(
                    "the number of regions kept idle is 0 to 1048576, not " + most + " as the policy impossible says",
                    refused.getMessage());
        }
    }

    @Test
    void anEagerManagerHasNothingToReclaim() {
        PamtManager manager = rig.manager();
        touch(manager, 0);
        assertEquals(0, manager.reclaimIdle());
        assertTrue(manager.stats().calls().removes() == 1);
        manager.close();
    }

    @Test
    void aPolicyIsNotAskedWhenNoRegionIsIdle() {
        List<Integer> asked = new ArrayList<>();
        PamtManager manager = manager(idle -> {
            asked.add(idle.count());
            return true;
        });
        assertEquals(0, manager.reclaimIdle());
        assertEquals(List.of(), asked);
        touch(manager, 0);
        assertEquals(List.of(1), asked);
        assertEquals(Kind.EMPTY, manager.state(REGION).kind());
        manager.close();
    }

    @Test
    void aTrimGoesOnAfterARegionThatDoesNotComeBack() {
        PamtManager manager = manager(idle -> false);
        for (int index = 0; index < 3; index++) {
            touch(manager, index);
        }
        rig.call = (module, rax, regs) ->
                rax == SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax() && (regs.rcx & -PageAllocator.CHUNK_BYTES) == region(1)
                        ? TdxStatus.PAMT_PAGE_NOT_EMPTY.with(0)
                        : module.seamcall(rax, regs);
        assertEquals(2, assertTimeoutPreemptively(Duration.ofSeconds(20), manager::trim));
        assertEquals(List.of(Kind.EMPTY, Kind.IDLE, Kind.EMPTY), kinds(manager, 3));
        rig.call = SeamcallProvider::seamcall;
        assertEquals(1, manager.trim());
        manager.close();
    }

    @Test
    void theFirstRegionOfMemoryIsTrimmedAsAnyOther() {
        PamtManager manager = manager(idle -> false);
        long first = 0x10_0000;
        manager.get(first);
        manager.put(first);
        assertEquals(Kind.IDLE, manager.state(0).kind());
        assertEquals(1, manager.trim());
        assertEquals(Kind.EMPTY, manager.state(0).kind());
        manager.close();
    }
}
