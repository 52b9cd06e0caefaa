package dev.pamt.seamcall.emulator.contract;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.decorator.SeamcallDecorator;
import dev.pamt.seamcall.emulator.EmulatorFactory;
import dev.pamt.tck.SeamcallProviderContractTest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** Each rule of the contract catches the backend that breaks it, and no other rule does. */
class BrokenBackendsTest {
    private static final long ADD = SeamcallLeaf.PHYMEM_PAMT_ADD.rax();
    private static final long REMOVE = SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax();
    private static final long RDMD = SeamcallLeaf.PHYMEM_PAGE_RDMD.rax();
    private static final long PAGE_OFFSET = 0xFFF;

    /** Two pages that no test uses. */
    private static final long FAR_PAGES = (5L << 30) - (2L << 20);

    /** A backend for each test of a rule, which breaks it. */
    @SuppressWarnings("ImmutableEnumChecker") // functions without state
    enum Broken {
        SPI_1(around(backend -> (rax, regs) -> {
            long status = backend.seamcall(rax, regs);
            if (rax == RDMD && TdxStatus.isError(status)) {
                throw new IllegalArgumentException(TdxStatus.toString(status));
            }
            return status;
        })),
        /** Makes the call, is then interrupted in waiting for its end, and takes that for a call that was not sent. */
        SPI_1_NOT_SENT(around(backend -> (rax, regs) -> {
            long status = backend.seamcall(rax, regs);
            if (Thread.currentThread().isInterrupted()) {
                throw SeamcallUnavailableException.notSent("interrupted", null);
            }
            return status;
        })),
        SPI_2(around(backend -> (rax, regs) -> {
            long status = backend.seamcall(rax, regs);
            regs.r14 = rax == ADD ? status : regs.r14;
            return status;
        })),
        /** Gives back what the region had last, also when there is nothing to give back. */
        SPI_2_FAILED_REMOVE(around(backend -> (rax, regs) -> {
            long status = backend.seamcall(rax, regs);
            if (rax == REMOVE && TdxStatus.isError(status)) {
                regs.rdx = 0;
                regs.r8 = 0;
            }
            return status;
        })),
        /** Rounds an address down instead of refusing it, and then remembers that it should have refused. */
        SPI_3(around(backend -> (rax, regs) -> {
            long status = backend.seamcall(rax, regs);
            if (rax == ADD && status == TdxStatus.OPERAND_INVALID.with(TdxOperand.R8)) {
                SeamcallRegisters rounded = new SeamcallRegisters().set(regs);
                rounded.r8 &= ~PAGE_OFFSET;
                backend.seamcall(rax, rounded);
            }
            return status;
        })),
        /** Writes memory when the next write comes. */
        SPI_4(config -> new BrokenPlatform(config) {
            private final PhysicalMemory lazy = new LazyMemory(good.memory());

            @Override
            public PhysicalMemory memory() {
                return lazy;
            }
        }),
        SPI_5(around(backend -> new SeamcallProvider() {
            private SeamcallRegisters last;

            @Override
            @SuppressWarnings("ReferenceEquality") // it is about the object, not about its values
            public synchronized long seamcall(long rax, SeamcallRegisters regs) {
                if (last != null && last != regs) {
                    last.r13++;
                }
                last = regs;
                return backend.seamcall(rax, regs);
            }
        })),
        SPI_6(around(backend -> (rax, regs) -> {
            long status = backend.seamcall(rax, regs);
            while (TdxStatus.OPERAND_BUSY.matches(status)
                    && !Thread.currentThread().isInterrupted()) {
                status = backend.seamcall(rax, regs);
            }
            return status;
        })),
        /** Tries a lock that is held once more, which no caller notices by the time that it takes. */
        SPI_6_ONE_RETRY(around(backend -> (rax, regs) -> {
            SeamcallRegisters given = new SeamcallRegisters().set(regs);
            long status = backend.seamcall(rax, regs);
            return TdxStatus.OPERAND_BUSY.matches(status) ? backend.seamcall(rax, regs.set(given)) : status;
        })),
        SPI_7(around(backend -> (rax, regs) -> {
            long status = backend.seamcall(rax, regs);
            if (rax == REMOVE && status == 0) {
                long page0 = regs.rdx;
                regs.rdx = regs.r8;
                regs.r8 = page0;
            }
            return status;
        })),
        /** Looks at R8 first. */
        SPI_8(around(backend -> (rax, regs) -> rax == ADD && (regs.r8 & PAGE_OFFSET) != 0
                ? TdxStatus.OPERAND_INVALID.with(TdxOperand.R8)
                : backend.seamcall(rax, regs))),
        SPI_9(around(backend -> (rax, regs) -> backend.seamcall(rax & 0xFFFF, regs))),
        /** Refuses what it has no time for. */
        SPI_10(config -> new SeamcallDecoratorOverAll().decorate(new EmulatorFactory().open(config))),
        SPI_11(config -> new BrokenPlatform(config) {
            @Override
            public void close() {}
        }),
        SPI_12(config -> new BrokenPlatform(config) {
            @Override
            public SeamcallProvider processor(int index) {
                return (rax, regs) -> good.processor(index).seamcall(rax, regs);
            }
        }),
        /** Reports the level that was asked for. */
        SPI_13_LEVEL(around(backend -> (rax, regs) -> {
            long asked = regs.rcx & 7;
            long status = backend.seamcall(rax, regs);
            regs.r8 = rax == RDMD && status == 0 ? asked : regs.r8;
            return status;
        })),
        /** Takes the second page of a pair for the one behind the first. */
        SPI_13_PAIR(around(backend -> (rax, regs) -> {
            long status = backend.seamcall(rax, regs);
            regs.r11 = rax == RDMD && status == 0 && regs.r10 != 0 ? regs.r10 + PAGE_OFFSET + 1 : regs.r11;
            return status;
        })),
        /** Takes a page that is in use, and another one in its place when it comes to it. */
        SPI_14(around(backend -> (rax, regs) -> {
            SeamcallRegisters given = new SeamcallRegisters().set(regs);
            long status = backend.seamcall(rax, regs);
            if (rax != ADD || !TdxStatus.PAGE_NOT_FREE.matches(status)) {
                return status;
            }
            given.rdx = FAR_PAGES;
            given.r8 = FAR_PAGES + PAGE_OFFSET + 1;
            return backend.seamcall(rax, given);
        }));

        private final Function<PlatformConfig, SeamcallPlatform> opening;

        Broken(Function<PlatformConfig, SeamcallPlatform> opening) {
            this.opening = opening;
        }

        private static Function<PlatformConfig, SeamcallPlatform> around(
                Function<SeamcallProvider, SeamcallProvider> wrapping) {
            SeamcallDecorator decorator = (backend, processor) -> wrapping.apply(backend);
            return config -> decorator.decorate(new EmulatorFactory().open(config));
        }

        /** What the name of the one test that is to fail looks like. */
        String test() {
            return switch (this) {
                case SPI_1 -> "spi1AFailure.*";
                case SPI_1_NOT_SENT -> "spi1ACallThatWasNotSent.*";
                case SPI_2_FAILED_REMOVE -> "spi2ARemoveThatFails.*";
                case SPI_6_ONE_RETRY -> "spi6ALockThatIsHeldIsNotTriedAgain.*";
                case SPI_13_LEVEL -> "spi13RdmdReportsTheLevel.*";
                case SPI_13_PAIR -> "spi13RdmdReportsThePair.*";
                default -> "spi" + name().substring("SPI_".length()) + "[A-Z].*";
            };
        }
    }

    /** Calls that meet on any two processors are busy. */
    private static final class SeamcallDecoratorOverAll implements SeamcallDecorator {
        private static final long MEETING_NANOS = 200_000;

        private final AtomicInteger inside = new AtomicInteger();

        @Override
        public SeamcallProvider decorate(SeamcallProvider backend, int processor) {
            return (rax, regs) -> {
                try {
                    if (inside.getAndIncrement() > 0) {
                        return TdxStatus.SYS_BUSY.code();
                    }
                    // Long enough for the threads to meet on a machine that is busy with other things.
                    LockSupport.parkNanos(MEETING_NANOS);
                    return backend.seamcall(rax, regs);
                } finally {
                    inside.decrementAndGet();
                }
            };
        }
    }

    private static final class LazyMemory implements PhysicalMemory {
        private final PhysicalMemory memory;
        private Runnable last = () -> {};

        LazyMemory(PhysicalMemory memory) {
            this.memory = memory;
        }

        @Override
        public synchronized long read64(long hpa) {
            return memory.read64(hpa);
        }

        @Override
        public synchronized void write64(long hpa, long value) {
            last.run();
            last = () -> memory.write64(hpa, value);
        }

        @Override
        public synchronized void clearPage(long hpa) {
            last.run();
            last = () -> memory.clearPage(hpa);
        }
    }

    /** The contract, run by this test alone: surefire takes no nested classes for tests. */
    static final class BrokenContract extends SeamcallProviderContractTest {
        private static Broken broken;
        private static Set<Capability> capabilities = EnumSet.allOf(Capability.class);

        @Override
        protected SeamcallPlatform open(PlatformConfig config) {
            return broken == null ? new EmulatorFactory().open(config) : broken.opening.apply(config);
        }

        @Override
        protected Set<Capability> capabilities() {
            return capabilities;
        }

        @Override
        protected Duration callTimeout() {
            return Duration.ofSeconds(2);
        }
    }

    /** What became of the tests of the contract. */
    private static final class Outcome implements TestExecutionListener {
        private final List<String> failed = new ArrayList<>();
        private final List<String> skipped = new ArrayList<>();
        private int passed;

        @Override
        public void executionFinished(TestIdentifier test, TestExecutionResult result) {
            if (test.isTest()) {
                switch (result.getStatus()) {
                    case SUCCESSFUL -> passed++;
                    case ABORTED -> skipped.add(test.getDisplayName());
                    case FAILED -> failed.add(test.getDisplayName());
                }
            }
        }

        static Outcome of(Broken broken) {
            BrokenContract.broken = broken;
            LauncherDiscoveryRequest request = LauncherDiscoveryRequestBuilder.request()
                    .selectors(selectClass(BrokenContract.class))
                    .build();
            Outcome outcome = new Outcome();
            LauncherFactory.create().execute(request, outcome);
            return outcome;
        }
    }

    @ParameterizedTest
    @EnumSource
    void failsExactlyItsRule(Broken broken) {
        List<String> failed = Outcome.of(broken).failed;
        assertTrue(!failed.isEmpty(), "nothing has failed");
        assertTrue(failed.stream().allMatch(test -> test.matches(broken.test())), failed::toString);
    }

    @Test
    void nothingFailsIfNothingIsBroken() {
        Outcome outcome = Outcome.of(null);
        assertEquals(List.of(), outcome.failed);
        assertEquals(18, outcome.passed);
    }

    @Test
    void whatABackendLacksIsSkipped() {
        BrokenContract.capabilities = EnumSet.of(SeamcallProviderContractTest.Capability.DYNAMIC_PAMT);
        try {
            Outcome outcome = Outcome.of(null);
            assertEquals(
                    Set.of("spi6ALockThatIsHeldIsNotTriedAgain()", "spi6ALockThatIsHeldIsTriedOnceAndAnsweredBusy()"),
                    Set.copyOf(outcome.skipped));
            assertEquals(16, outcome.passed);
        } finally {
            BrokenContract.capabilities = EnumSet.allOf(SeamcallProviderContractTest.Capability.class);
        }
    }
}
