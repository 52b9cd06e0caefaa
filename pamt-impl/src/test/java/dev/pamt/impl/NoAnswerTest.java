package dev.pamt.impl;

import static dev.pamt.impl.Rig.NEXT_REGION;
import static dev.pamt.impl.Rig.REGION;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.ManagerClosedException;
import dev.pamt.api.NoUsersException;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.PamtStats;
import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.RegionNotMapped2MException;
import dev.pamt.api.RegionState.Kind;
import dev.pamt.api.RegionUnknownException;
import dev.pamt.api.RegionsInUseException;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** A call of the module that ends without an answer: one case, whatever call it is and whatever it throws. */
class NoAnswerTest {
    private final SeamcallUnavailableException notSent = SeamcallUnavailableException.notSent("not sent", null);
    private final Rig rig = new Rig();
    private final PamtManager manager = rig.manager();
    private final Seamcalls module = new Seamcalls(rig.host.platform().processor(0));

    @AfterEach
    void close() {
        manager.close();
        rig.close();
    }

    /** What a call can throw, and whether it has done its work before. */
    static Stream<Arguments> failures() {
        return Stream.of(
                        new SeamcallUnavailableException("gone"),
                        new IllegalStateException("a fault of the backend"),
                        new OutOfMemoryError("made by a test"),
                        new StackOverflowError("made by a test"))
                .flatMap(failure -> Stream.of(Arguments.of(failure, true), Arguments.of(failure, false)));
    }

    private static void sneak(Throwable failure) {
        if (failure instanceof Error error) {
            throw error;
        }
        throw (RuntimeException) failure;
    }

    private void fail(SeamcallLeaf leaf, Throwable failure, boolean afterwards) {
        rig.next(leaf, 1, (provider, rax, regs) -> {
            if (afterwards) {
                provider.seamcall(rax, regs);
            }
            sneak(failure);
            return 0;
        });
    }

    private void assertUnknownAndOnePairLost() {
        assertEquals(Kind.UNKNOWN, manager.state(REGION).kind());
        assertEquals(1, manager.stats().pairs().lost());
        assertEquals(0, manager.stats().pairs().installed());
        assertEquals(1, manager.stats().calls().retryRegions());
        assertThrows(NoUsersException.class, () -> manager.put(REGION));
    }

    private void assertUsableAgain() {
        manager.get(REGION);
        assertTrue(rig.isBackedInModule(REGION));
        manager.put(REGION);
        assertFalse(rig.isBackedInModule(REGION));
        assertEquals(1, manager.stats().pairs().lost(), "the lost pair stays out of circulation");
        assertEquals(0, manager.stats().calls().retryRegions());
    }

    @ParameterizedTest
    @MethodSource("failures")
    void anAddWithoutAnswerLeavesTheRegionUnknown(Throwable failure, boolean afterwards) {
        fail(SeamcallLeaf.PHYMEM_PAMT_ADD, failure, afterwards);
        assertSame(failure, assertThrows(Throwable.class, () -> manager.get(REGION)));
        assertUnknownAndOnePairLost();
        assertUsableAgain();
    }

    @ParameterizedTest
    @MethodSource("failures")
    void aRemoveWithoutAnswerLeavesTheRegionUnknownAndDoesNotFailThePut(Throwable failure, boolean afterwards) {
        manager.get(REGION);
        fail(SeamcallLeaf.PHYMEM_PAMT_REMOVE, failure, afterwards);
        manager.put(REGION);
        assertUnknownAndOnePairLost();
        assertUsableAgain();
    }

    @ParameterizedTest
    @MethodSource("failures")
    void aSplitWithoutAnswerLeavesTheRegionUnknown(Throwable failure, boolean afterwards) {
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(2);
        manager.map2M(REGION);
        Throwable thrown = assertThrows(
                Throwable.class,
                () -> manager.demote2M(REGION, cache, regs -> {
                    if (afterwards) {
                        module.pamtAdd(new SeamcallRegisters(), REGION, regs.r12, regs.r13);
                    }
                    sneak(failure);
                    return 0;
                }));
        assertSame(failure, thrown);
        assertUnknownAndOnePairLost();
        assertEquals(1, cache.pairs());
        assertThrows(RegionNotMapped2MException.class, () -> manager.unmap2M(REGION));
        assertThrows(RegionNotMapped2MException.class, () -> manager.demote2M(REGION, cache, regs -> 0));
        assertEquals(1, cache.pairs(), "a second try costs no second pair");
        assertUsableAgain();
    }

    @ParameterizedTest
    @MethodSource("failures")
    void aMergeWithoutAnswerLeavesTheRegionUnknown(Throwable failure, boolean afterwards) {
        manager.get(REGION, 512);
        Throwable thrown = assertThrows(
                Throwable.class,
                () -> manager.promote2M(REGION, regs -> {
                    if (afterwards) {
                        module.pamtRemove(new SeamcallRegisters(), REGION);
                    }
                    sneak(failure);
                    return 0;
                }));
        assertSame(failure, thrown);
        assertUnknownAndOnePairLost();
        assertUsableAgain();
    }

    @Test
    void anUnknownRegionIsSettledByAMappingAndByTrim() {
        fail(SeamcallLeaf.PHYMEM_PAMT_ADD, new IllegalStateException(), true);
        assertThrows(IllegalStateException.class, () -> manager.get(REGION));
        manager.map2M(REGION);
        assertFalse(rig.isBackedInModule(REGION));
        manager.unmap2M(REGION);

        fail(SeamcallLeaf.PHYMEM_PAMT_ADD, new IllegalStateException(), true);
        assertThrows(IllegalStateException.class, () -> manager.get(REGION));
        assertEquals(0, manager.trim(), "no pair has come back");
        assertEquals(Kind.EMPTY, manager.state(REGION).kind());
        assertFalse(rig.isBackedInModule(REGION));
        assertEquals(2, manager.stats().pairs().lost());
    }

    @Test
    void anUnknownRegionIsSettledByALaterPutOfAnotherRegion() {
        fail(SeamcallLeaf.PHYMEM_PAMT_ADD, new IllegalStateException(), true);
        assertThrows(IllegalStateException.class, () -> manager.get(REGION));
        manager.get(NEXT_REGION);
        manager.put(NEXT_REGION);
        assertEquals(Kind.EMPTY, manager.state(REGION).kind());
        assertEquals(0, manager.stats().calls().retryRegions());
    }

    @Test
    void aRegionThatCannotBeSettledSaysWhy() {
        fail(SeamcallLeaf.PHYMEM_PAMT_ADD, new IllegalStateException(), true);
        assertThrows(IllegalStateException.class, () -> manager.get(REGION));
        long notEmpty = TdxStatus.PAMT_PAGE_NOT_EMPTY.with(1);
        rig.next(SeamcallLeaf.PHYMEM_PAMT_REMOVE, 2, (provider, rax, regs) -> notEmpty);
        RegionUnknownException thrown = assertThrows(RegionUnknownException.class, () -> manager.get(REGION));
        assertEquals(
                "a SEAMCALL for the region of 0x130000000 got no answer, and the REMOVE that is to settle it answered"
                        + " TDX_PAMT_PAGE_NOT_EMPTY|0x1 (0xc000030600000001); the region is out of use until that succeeds",
                thrown.getMessage());
        assertEquals(notEmpty, thrown.status());
        assertThrows(RegionUnknownException.class, () -> manager.map2M(REGION));
        assertEquals(Kind.UNKNOWN, manager.state(REGION).kind());
        assertUsableAgain();
    }

    @Test
    void aCallThatWasNotSentHasChangedNothing() {
        PamtPageCache cache = manager.newVcpuCache();
        cache.topUp(2);
        fail(SeamcallLeaf.PHYMEM_PAMT_ADD, notSent, false);
        assertSame(notSent, assertThrows(RuntimeException.class, () -> manager.get(REGION, cache)));
        assertEquals(Kind.EMPTY, manager.state(REGION).kind());
        assertEquals(2, cache.pairs());

        manager.get(REGION);
        fail(SeamcallLeaf.PHYMEM_PAMT_REMOVE, notSent, false);
        manager.put(REGION);
        assertEquals(Kind.IDLE, manager.state(REGION).kind());
        assertEquals(1, manager.stats().calls().retryRegions());
        assertEquals(1, manager.trim());

        manager.map2M(REGION);
        assertThrows(
                SeamcallUnavailableException.class,
                () -> manager.demote2M(REGION, cache, regs -> {
                    throw notSent;
                }));
        assertEquals(Kind.HUGE, manager.state(REGION).kind());
        assertEquals(2, cache.pairs());
        manager.unmap2M(REGION);

        manager.get(REGION, 512);
        assertThrows(
                SeamcallUnavailableException.class,
                () -> manager.promote2M(REGION, regs -> {
                    throw notSent;
                }));
        assertEquals(512, manager.state(REGION).users());
        manager.put(REGION, 512);
        assertEquals(0, manager.stats().pairs().lost());
    }

    @Test
    void noPairIsDrawnForABackendThatIsGone() {
        manager.get(NEXT_REGION);
        rig.call = (provider, rax, regs) -> {
            throw new SeamcallUnavailableException("gone");
        };
        for (int get = 0; get < 1000; get++) {
            assertThrows(SeamcallUnavailableException.class, () -> manager.get(REGION));
            assertThrows(SeamcallUnavailableException.class, () -> manager.get(REGION + (4L << 21)));
        }
        assertEquals(1, manager.stats().pairs().lost(), "the one that was in the first call");
        assertEquals(254, manager.stats().pairs().spare());
        manager.put(NEXT_REGION);
        assertEquals(Kind.IDLE, manager.state(NEXT_REGION).kind(), "its pair is where it was");
        assertEquals(1, manager.stats().pairs().lost());

        rig.call = SeamcallProvider::seamcall;
        assertUsableAgain();
        assertEquals(Kind.EMPTY, manager.state(NEXT_REGION).kind());
    }

    @Test
    void theProbeIsACallThatTheModuleRefuses() {
        fail(SeamcallLeaf.PHYMEM_PAMT_ADD, new SeamcallUnavailableException("gone"), false);
        assertThrows(SeamcallUnavailableException.class, () -> manager.get(REGION));
        long[] statusOfProbe = new long[1];
        rig.next(SeamcallLeaf.PHYMEM_PAMT_ADD, 1, (provider, rax, regs) -> {
            statusOfProbe[0] = provider.seamcall(rax, regs);
            return statusOfProbe[0];
        });
        PamtStats before = manager.stats();
        manager.get(NEXT_REGION);
        assertEquals(TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX), statusOfProbe[0]);
        assertEquals(before.calls().addFailures(), manager.stats().calls().addFailures());
        assertEquals(before.locks().acquisitions() + 1, manager.stats().locks().acquisitions());
        manager.put(NEXT_REGION);
    }

    /** What a close finds that cannot reach the module any more. */
    enum Gone {
        SENT,
        NOT_SENT
    }

    @ParameterizedTest
    @EnumSource(Gone.class)
    void aCloseWithoutModuleEndsAndCountsWhatStaysInside(Gone kind) {
        Rig other = new Rig();
        PamtManager idling =
                other.builder().reclaimPolicy(ReclaimPolicy.keepIdle(8)).build();
        for (int region = 0; region < 4; region++) {
            idling.get(REGION + region * (2L << 20));
            idling.put(REGION + region * (2L << 20));
        }
        other.call = (provider, rax, regs) -> {
            throw kind == Gone.SENT ? new SeamcallUnavailableException("gone") : notSent;
        };
        idling.close();
        assertEquals(4, idling.stats().pairs().lost());
        assertEquals(0, idling.stats().pairs().installed());
        assertEquals(1, idling.stats().pages().donorChunks(), "the chunk with the four pairs");
        other.close();
    }

    @Test
    void aCloseThatIsRefusedWhileTheModuleIsOutOfReachLosesNoPair() {
        Rig other = new Rig();
        PamtManager idling =
                other.builder().reclaimPolicy(ReclaimPolicy.keepIdle(8)).build();
        idling.get(REGION);
        idling.put(REGION);
        idling.get(NEXT_REGION);
        other.call = (provider, rax, regs) -> {
            throw notSent;
        };
        assertThrows(RegionsInUseException.class, idling::close);
        assertEquals(Kind.IDLE, idling.state(REGION).kind());
        assertEquals(0, idling.stats().pairs().lost());
        assertEquals(2, idling.stats().pairs().installed());
        other.call = SeamcallProvider::seamcall;
        idling.get(REGION);
        idling.put(REGION);
        idling.put(NEXT_REGION);
        idling.close();
        assertEquals(0, idling.stats().pairs().lost());
        assertEquals(0, other.pagesOut());
        other.close();
    }

    @Test
    void aClosedManagerCallsTheModuleNoMore() {
        Rig other = new Rig();
        PamtManager closed =
                other.builder().reclaimPolicy(ReclaimPolicy.keepIdle(8)).build();
        closed.get(REGION);
        closed.put(REGION);
        other.call = (provider, rax, regs) -> {
            throw new SeamcallUnavailableException("gone");
        };
        closed.close();
        assertEquals(Kind.UNKNOWN, closed.state(REGION).kind());
        other.call = (provider, rax, regs) -> {
            throw new AssertionError("the module has another manager by now");
        };
        assertThrows(ManagerClosedException.class, () -> closed.get(REGION));
        assertThrows(ManagerClosedException.class, () -> closed.put(REGION));
        assertThrows(ManagerClosedException.class, () -> closed.map2M(REGION));
        other.close();
    }

    @Test
    void aMappingOfAnIdleRegionAsksFirstWhetherTheModuleIsThere() {
        Rig other = new Rig();
        PamtManager idling =
                other.builder().reclaimPolicy(ReclaimPolicy.keepIdle(8)).build();
        idling.get(REGION);
        idling.put(REGION);
        other.call = (provider, rax, regs) -> {
            throw new SeamcallUnavailableException("gone");
        };
        assertThrows(SeamcallUnavailableException.class, () -> idling.get(NEXT_REGION));
        assertThrows(SeamcallUnavailableException.class, () -> idling.map2M(REGION));
        assertEquals(Kind.IDLE, idling.state(REGION).kind());
        assertEquals(1, idling.stats().pairs().lost());
        other.close();
    }

    @Test
    void aRegionThatIsSettledOnTheWayIsUnknownDuringItsAddAsWellAndLockedOnce() {
        try (Rig other = new Rig()) {
            PamtManager locked = other.builder().lockStrategy(other).build();
            other.next(SeamcallLeaf.PHYMEM_PAMT_ADD, 1, (provider, rax, regs) -> {
                throw new IllegalStateException("a fault of the backend");
            });
            assertThrows(IllegalStateException.class, () -> locked.get(REGION));
            List<Kind> duringAdd = new ArrayList<>();
            other.next(SeamcallLeaf.PHYMEM_PAMT_ADD, 1, (provider, rax, regs) -> {
                duringAdd.add(locked.state(REGION).kind());
                return provider.seamcall(rax, regs);
            });
            List<Long> taken = new ArrayList<>();
            other.lock = (held, number) -> {
                held.add(number);
                taken.add(number);
            };
            locked.get(REGION);
            assertEquals(List.of(Kind.UNKNOWN), duringAdd);
            assertEquals(List.of(RegionTable.regionOf(REGION)), taken);
            assertEquals(0, locked.stats().calls().retryRegions(), "it is settled");
            assertEquals(1, locked.state(REGION).users());
            locked.put(REGION);
            locked.close();
        }
    }

    @Test
    void aRemoveOfAPairThatIsGivenUpCountsAsALockAndNotAsAPair() {
        fail(SeamcallLeaf.PHYMEM_PAMT_ADD, new IllegalStateException(), true);
        assertThrows(IllegalStateException.class, () -> manager.get(REGION));
        PamtStats before = manager.stats();
        manager.map2M(REGION);
        assertEquals(before.locks().acquisitions() + 1, manager.stats().locks().acquisitions());
        assertEquals(before.calls().removes(), manager.stats().calls().removes());
        manager.unmap2M(REGION);
    }

    @Test
    void aBackendThatAnswersAgainIsProbedNoMore() {
        fail(SeamcallLeaf.PHYMEM_PAMT_ADD, new SeamcallUnavailableException("gone"), false);
        assertThrows(SeamcallUnavailableException.class, () -> manager.get(REGION));
        List<Long> calls = new ArrayList<>();
        rig.call = (provider, rax, regs) -> {
            calls.add(rax);
            return provider.seamcall(rax, regs);
        };
        manager.get(NEXT_REGION);
        long add = SeamcallLeaf.PHYMEM_PAMT_ADD.rax();
        assertEquals(List.of(add, add), calls, "the probe, and the pair");
        calls.clear();
        manager.get(NEXT_REGION + (2L << 20));
        assertEquals(List.of(add), calls);
        manager.put(NEXT_REGION + (2L << 20));
        manager.put(NEXT_REGION);
    }
}
