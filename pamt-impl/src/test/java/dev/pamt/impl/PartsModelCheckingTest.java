package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.example.lockstrategy.SemaphorePerGigabyte;
import dev.pamt.api.LockStrategy;
import dev.pamt.api.MemoryMap;
import java.util.stream.Stream;
import org.jetbrains.lincheck.LincheckAssertionError;
import org.jetbrains.lincheck.datastructures.ManagedStrategyGuaranteeKt;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The parts of the manager under Lincheck's model checker: the region word, the locks, the gate for calls, the
 * reservations of a VM's cache.
 *
 * <p>{@code -Dpamt.lincheck.scenarios} and {@code -Dpamt.lincheck.interleavings} as in {@link ManagerModelCheckingTest}.
 */
class PartsModelCheckingTest {
    private static final int SCENARIOS = Integer.getInteger("pamt.lincheck.scenarios", 10);
    private static final int INTERLEAVINGS = Integer.getInteger("pamt.lincheck.interleavings", 100);

    static Stream<LockStrategy> strategies() {
        return Stream.of(
                new LockStrategies.Global(),
                new LockStrategies.Hashed(2),
                new LockStrategies.Per2M(),
                new SemaphorePerGigabyte());
    }

    @Test
    void theWordKeepsItsPartsApart() {
        // A wrong move shows only beside one or two of the nine others: many short scenarios.
        options()
                .iterations(20 * SCENARIOS)
                .actorsBefore(2)
                .actorsPerThread(2)
                .actorsAfter(2)
                .invocationsPerIteration(INTERLEAVINGS / 4)
                .checkObstructionFreedom(true)
                .check(RegionWordModel.class);
    }

    @Test
    void aStoredStateDisturbsNeitherTheLockNorTheMark() {
        options().check(RegionStateModel.class);
    }

    @ParameterizedTest
    @MethodSource("strategies")
    void locksExcludeAndNobodyWaitsForEver(LockStrategy strategy) {
        LockModel.prepare(strategy);
        options().check(LockModel.class);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void aCallThatIsAloneFindsNobodyInside(int threads) {
        // What goes wrong here needs two switches of threads: short scenarios, and many interleavings of each.
        options()
                .threads(threads)
                .actorsBefore(0)
                .actorsPerThread(4 - threads)
                .invocationsPerIteration(10 * INTERLEAVINGS)
                .check(CallGateModel.class);
    }

    @Test
    void aReservationIsItsOwners() {
        options().check(VmCacheModel.class);
    }

    @Test
    void noPairIsInTwoHandsAndNoSlotKeepsAChunk() {
        options()
                .addGuarantee(ManagedStrategyGuaranteeKt.forClasses("dev.pamt.impl.PairSupplyModel")
                        .methods("begin", "audit")
                        .ignore())
                .check(PairSupplyModel.class);
    }

    @Test
    void aCloseSeesEveryCacheThatHasNotSeenIt() {
        options().actorsBefore(0).actorsPerThread(2).check(CacheRegistryModel.class);
    }

    @Test
    void aPageIsEnteredOnceAndStruckOutOnce() {
        options().check(PageLedgerModel.class);
    }

    @Test
    void threadsThatTouchAGigabyteFirstCountInTheSameWords() {
        ModelCheckingOptions options = new ModelCheckingOptions()
                .iterations(1)
                .invocationsPerIteration(INTERLEAVINGS)
                .threads(2)
                .actorsBefore(0)
                .actorsPerThread(2)
                .actorsAfter(0)
                .loopBound(2000)
                .loopIterationsBeforeThreadSwitch(1000)
                .minimizeFailedScenario(false);
        options.check(FirstTouchModel.class);
    }

    @Test
    void aStrategyThatDoesNotLockIsFound() {
        LockModel.prepare(new NoLock());
        LincheckAssertionError found =
                assertThrows(LincheckAssertionError.class, () -> options().check(LockModel.class));
        assertTrue(found.getMessage().contains("Invalid execution results"), found.getMessage());
    }

    @Test
    void threadsThatStoreInALeafFirstFindTheSameArrays() {
        options().actorsBefore(0).check(GigabyteDirectoryModel.class);
    }

    private static ModelCheckingOptions options() {
        return new ModelCheckingOptions()
                .iterations(SCENARIOS)
                .invocationsPerIteration(INTERLEAVINGS)
                .threads(2)
                .actorsBefore(1)
                .actorsPerThread(3)
                .actorsAfter(0)
                .minimizeFailedScenario(false)
                .addGuarantee(
                        ManagedStrategyGuaranteeKt.forClasses("dev.pamt.impl.Counters", "dev.pamt.impl.StripedCount")
                                .allMethods()
                                .ignore())
                .addGuarantee(ManagedStrategyGuaranteeKt.forClasses("dev.pamt.impl.RegionTable")
                        .methods("materialise", "nextNeedingReclaim", "nextWithRam", "spinThenLv")
                        .ignore())
                .addGuarantee(ManagedStrategyGuaranteeKt.forClasses("dev.pamt.impl.DonorChunks")
                        .methods("nextFrom")
                        .ignore());
    }

    /** Lets everybody in. */
    private static final class NoLock implements LockStrategy {
        @Override
        public String name() {
            return "no lock";
        }

        @Override
        public RegionLocks newLocks(MemoryMap memory, RegionBits bits) {
            return new RegionLocks() {
                @Override
                public long lockOf(long region) {
                    return region;
                }

                @Override
                public boolean tryLock(long lock) {
                    return true;
                }

                @Override
                public void lock(long lock) {}

                @Override
                public void unlock(long lock) {}
            };
        }
    }
}
