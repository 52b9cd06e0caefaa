package dev.pamt.seamcall.emulator.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.conformance.Litmus;
import dev.pamt.seamcall.conformance.Recording;
import dev.pamt.seamcall.emulator.EmulatorConfig;
import dev.pamt.seamcall.emulator.EmulatorFactory;
import dev.pamt.seamcall.emulator.Inspection;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Two processors race as they did on the real module; every outcome must be one that was recorded there, see {@link Litmus}.
 *
 * <p>Half of the races are plain, in the other half threads are delayed at random steps of a call.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LitmusTest {
    private static final int RACES = 30;
    private static final int MAX_DELAY_SPINS = 400;
    private static final long SEED = System.nanoTime();
    private static final Recording RECORDING = Recording.shippedLitmus();

    @BeforeAll
    void printSeed() {
        System.out.println("LitmusTest seed " + SEED);
    }

    List<String> names() {
        return RECORDING.litmusNames();
    }

    @ParameterizedTest
    @MethodSource("names")
    void onlyRecordedOutcomesAppear(String name) throws Exception {
        Litmus.Result plain =
                Litmus.of(new EmulatorFactory()::open, RACES, SEED).run(RECORDING, name);
        assertEquals(Map.of(), plain.outside(), () -> explain(name));
        Delays delays = new Delays();
        Litmus.Result delayed =
                Litmus.of(delays::open, RACES, SEED + 1).withListener(delays).run(RECORDING, name);
        assertEquals(Map.of(), delayed.outside(), () -> explain(name));
    }

    private static String explain(String name) {
        return "seed " + SEED + ", recorded: " + Litmus.allowed(RECORDING, name);
    }

    /** Machines whose calls are delayed at random steps while a race is on. */
    private static final class Delays implements Litmus.RaceListener {
        private final AtomicLong seeds = new AtomicLong(SEED);
        private final ThreadLocal<SplittableRandom> random =
                ThreadLocal.withInitial(() -> new SplittableRandom(seeds.getAndIncrement()));
        private volatile boolean racing;

        SeamcallPlatform open(PlatformConfig config) {
            return Inspection.open(EmulatorConfig.of(config), this::delay, System::nanoTime);
        }

        private void delay(RacePoint point) {
            if (racing) {
                int spins = random.get().nextInt(MAX_DELAY_SPINS);
                for (int i = 0; i < spins; i++) {
                    Thread.onSpinWait();
                }
            }
        }

        @Override
        public void raceBegins() {
            racing = true;
        }

        @Override
        public void raceEnds() {
            racing = false;
        }
    }
}
