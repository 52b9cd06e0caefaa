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
import dev.pamt.tck.SeamcallProviderContractTest;
import dev.pamt.seamcall.decorator.SeamcallDecorator;
import dev.pamt.seamcall.emulator.EmulatorFactory;
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
        });

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
        assertEquals(1, failed.size(), failed::toString);
        assertTrue(failed.get(0).matches(broken.test()), failed::toString);
    }

    @Test
    void nothingFailsIfNothingIsBroken() {
        Outcome outcome = Outcome.of(null);
        assertEquals(List.of(), outcome.failed);
        assertEquals(13, outcome.passed);
    }

    @Test
    void whatABackendLacksIsSkipped() {
        BrokenContract.capabilities = EnumSet.of(SeamcallProviderContractTest.Capability.DYNAMIC_PAMT);
        try {
            Outcome outcome = Outcome.of(null);
            assertEquals(List.of("spi6ALockThatIsHeldIsTriedOnceAndAnsweredBusy()"), outcome.skipped);
            assertEquals(12, outcome.passed);
        } finally {
            BrokenContract.capabilities = EnumSet.allOf(SeamcallProviderContractTest.Capability.class);
        }
    }
}
