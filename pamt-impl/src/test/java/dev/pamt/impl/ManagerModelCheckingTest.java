package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.example.lockstrategy.SemaphorePerGigabyte;
import dev.pamt.api.LockStrategy;
import dev.pamt.api.TooManyUsersException;
import java.util.stream.Stream;
import org.jetbrains.lincheck.datastructures.ManagedStrategyGuaranteeKt;
import org.jetbrains.lincheck.datastructures.ModelCheckingOptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The manager under Lincheck's model checker, for each strategy.
 *
 * <p>In the build some thousand interleavings, more with {@code -Dpamt.lincheck.scenarios=2000
 * -Dpamt.lincheck.interleavings=1000}: a million for each strategy. {@code -Dpamt.lincheck.calls=1} makes each thread's
 * part shorter, {@code -Dpamt.lincheck.strategy=per2M} is a regular expression. The numbers are printed.
 */
class ManagerModelCheckingTest {
    private static final int SCENARIOS = Integer.getInteger("pamt.lincheck.scenarios", 6);
    private static final String STRATEGY = System.getProperty("pamt.lincheck.strategy", ".*");
    private static final int CALLS = Integer.getInteger("pamt.lincheck.calls", 2);
    private static final int INTERLEAVINGS = Integer.getInteger("pamt.lincheck.interleavings", 50);

    /** The JDK loads its locale data for the first message with a number; inside the checker that can outlast Lincheck's patience. */
    @BeforeAll
    static void makeAMessage() {
        assertFalse(new TooManyUsersException(0, 1).getMessage().isEmpty());
    }

    /** The hosts that are asked for; without one JUnit says that the test has no arguments, and fails. */
    static Stream<Arguments> hosts() {
        return Stream.of(
                        Arguments.of(new LockStrategies.Global(), false, 0),
                        Arguments.of(new LockStrategies.Hashed(2), false, 0),
                        Arguments.of(new LockStrategies.Per2M(), false, 0),
                        Arguments.of(new LockStrategies.Per2M(), true, 0),
                        Arguments.of(new LockStrategies.Per2M(), true, 1),
                        Arguments.of(new SemaphorePerGigabyte(), false, 1))
                .filter(host -> nameOf((LockStrategy) host.get()[0], (boolean) host.get()[1], (int) host.get()[2])
                        .matches(STRATEGY));
    }

    private static String nameOf(LockStrategy strategy, boolean chunks, int idle) {
        return strategy.name() + (chunks ? " with chunks" : "") + (idle > 0 ? " with " + idle + " idle" : "");
    }

    @ParameterizedTest
    @MethodSource("hosts")
    void everyResultHasAnOrderThatExplainsIt(LockStrategy strategy, boolean chunks, int idle) {
        String name = nameOf(strategy, chunks, idle);
        long before = Interleavings.soFar();
        long start = System.nanoTime();
        ManagerModel.prepare(strategy, chunks, idle);
        ManagerSpecification.pagesForAllocPage = chunks;
        options().check(ManagerModel.class);
        long interleavings = Interleavings.soFar() - before;
        System.out.printf(
                "model checking %s: %,d interleavings of %,d scenarios in %d s%n",
                name, interleavings, SCENARIOS, (System.nanoTime() - start) / 1_000_000_000);
        assertTrue(interleavings > 0);
    }

    @Test
    void aCloseTakesEffectBetweenAnyTwoCalls() {
        long before = Interleavings.soFar();
        options().sequentialSpecification(CloseSpecification.class).check(CloseModel.class);
        System.out.printf("model checking close: %,d interleavings%n", Interleavings.soFar() - before);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aPutWithoutAGetIsRefusedOrTakesAUserThatIsThereAndCheatsNoGet(int idle) {
        long before = Interleavings.soFar();
        StrayPutModel.prepare(idle);
        // A stray shows for one step: short scenarios, and many interleavings of each.
        options()
                .iterations(3 * SCENARIOS)
                .sequentialSpecification(StrayPutSpecification.class)
                .check(StrayPutModel.class);
        System.out.printf(
                "model checking puts without a get, %d idle: %,d interleavings%n",
                idle, Interleavings.soFar() - before);
    }

    @Test
    void aGetThatPaysForAPutWithoutAGetTakesNothingFromAThirdThread() {
        long before = Interleavings.soFar();
        StrayPutModel.prepare(1);
        options()
                .iterations(2 * SCENARIOS)
                .threads(3)
                .actorsBefore(0)
                .actorsPerThread(1)
                .invocationsPerIteration(3 * INTERLEAVINGS)
                .sequentialSpecification(StrayPutSpecification.class)
                .check(StrayPutBesideGetsModel.class);
        System.out.printf(
                "model checking a put without a get beside two others: %,d interleavings%n",
                Interleavings.soFar() - before);
    }

    private static ModelCheckingOptions options() {
        return new ModelCheckingOptions()
                .iterations(SCENARIOS)
                .invocationsPerIteration(INTERLEAVINGS)
                .threads(2)
                .actorsBefore(1)
                .actorsPerThread(CALLS)
                .actorsAfter(0)
                .minimizeFailedScenario(false)
                .sequentialSpecification(ManagerSpecification.class)
                .addGuarantee(ManagedStrategyGuaranteeKt.forClasses(
                                "dev.pamt.impl.Interleavings",
                                "dev.pamt.impl.Counters",
                                "dev.pamt.impl.StripedCount",
                                "dev.pamt.impl.host.HostPageAllocator")
                        .allMethods()
                        .ignore())
                .addGuarantee(ManagedStrategyGuaranteeKt.forClasses(
                                "dev.pamt.impl.ManagerModel", "dev.pamt.impl.CloseModel", "dev.pamt.impl.StrayPutModel")
                        .methods("begin", "audit")
                        .ignore())
                .addGuarantee(ManagedStrategyGuaranteeKt.forClasses("dev.pamt.impl.RegionTable")
                        .methods("materialise", "nextNeedingReclaim", "nextWithRam", "spinThenLv")
                        .ignore())
                .addGuarantee(ManagedStrategyGuaranteeKt.forClasses("dev.pamt.impl.Region")
                        .methods("awaitKnown")
                        .ignore())
                .addGuarantee(ManagedStrategyGuaranteeKt.forClasses("dev.pamt.impl.PairRecords")
                        .methods("loseSingles")
                        .ignore())
                .addGuarantee(ManagedStrategyGuaranteeKt.forClasses("dev.pamt.impl.DonorChunks")
                        .methods("nextFrom")
                        .ignore());
    }
}
