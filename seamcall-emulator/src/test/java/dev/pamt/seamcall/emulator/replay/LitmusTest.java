package dev.pamt.seamcall.emulator.replay;

import static dev.pamt.seamcall.emulator.replay.Recording.number;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.EmulatorConfig;
import dev.pamt.seamcall.emulator.Inspection;
import dev.pamt.seamcall.emulator.platform.Schedule;
import dev.pamt.seamcall.emulator.td.Td;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Two processors race as they did on the real module; every outcome must be one that was recorded there: statuses, PAMT_2M
 * entries, S-EPT entries, page counts, epochs. Lock words are compared as far as the recordings say they are the same in
 * every outcome: nothing is held, host priority may stay.
 *
 * <p>Half of the races are plain, in the other half threads are delayed at random steps of a call.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LitmusTest {
    private static final int RACES = 60;
    private static final int MAX_DELAY_SPINS = 400;
    private static final long SEED = System.nanoTime();
    private static final String NOT_RUN = "not run";

    private final Recording recording = Recording.load("litmus");
    private final ExecutorService other = Executors.newSingleThreadExecutor();

    @BeforeAll
    void printSeed() {
        System.out.println("LitmusTest seed " + SEED);
    }

    @AfterAll
    void stop() {
        other.shutdown();
    }

    Stream<String> names() {
        return recording.body().stream().map(test -> test.get("name").textValue());
    }

    @ParameterizedTest
    @MethodSource("names")
    void onlyRecordedOutcomesAppear(String name) throws Exception {
        JsonNode test = recording.body().stream()
                .filter(candidate -> candidate.get("name").textValue().equals(name))
                .findFirst()
                .orElseThrow();
        SplittableRandom random = new SplittableRandom(SEED);
        Map<String, Integer> unknown = new TreeMap<>();
        for (int i = 0; i < RACES; i++) {
            Race race = new Race(test, random.split(), i % 2 == 1);
            race.run();
            if (!race.isKnown()) {
                unknown.merge(race.toString(), 1, Integer::sum);
            }
        }
        assertEquals(Map.of(), unknown, () -> "seed " + SEED + ", recorded: " + test.get("outcomes"));
    }

    /** One race on a machine of its own. */
    private final class Race {
        private final JsonNode test;
        private final RecordedHost host;
        private final SplittableRandom random;
        private final AtomicInteger arrived = new AtomicInteger();
        private volatile boolean racing;
        private List<String> first = List.of();
        private List<String> second = List.of();

        Race(JsonNode test, SplittableRandom random, boolean delays) {
            this.test = test;
            this.random = random;
            ThreadLocal<SplittableRandom> delayRandom = ThreadLocal.withInitial(() -> {
                synchronized (random) {
                    return random.split();
                }
            });
            Schedule schedule = delays ? step -> delay(delayRandom.get()) : Schedule.free();
            host = RecordedHost.bringUp(
                    recording.header(),
                    Inspection.open(
                            RecordedHost.config(recording.header().get("platform"), EmulatorConfig.builder()),
                            schedule,
                            System::nanoTime));
        }

        private void delay(SplittableRandom delays) {
            if (racing) {
                spin(delays.nextInt(MAX_DELAY_SPINS));
            }
        }

        void run() throws Exception {
            for (JsonNode line : test.get("setup")) {
                if (line.has("harness")) {
                    host.writeTdParams(0, 0);
                } else {
                    String status = call(0, line);
                    if (!status.equals(line.get("status").textValue())) {
                        throw new IllegalStateException(line + " gave " + status);
                    }
                }
            }
            racing = true;
            int headStart = random.nextInt(-MAX_DELAY_SPINS, MAX_DELAY_SPINS);
            Future<List<String>> beside = other.submit(() -> program(1, test.get("t2"), headStart));
            first = program(0, test.get("t1"), -headStart);
            second = beside.get();
            racing = false;
        }

        private List<String> program(int processor, JsonNode calls, int delay) {
            List<String> statuses = new ArrayList<>();
            arrived.incrementAndGet();
            for (int i = 0; arrived.get() < 2; i++) {
                if (i < MAX_DELAY_SPINS) {
                    Thread.onSpinWait();
                } else {
                    LockSupport.parkNanos(1000);
                }
            }
            spin(delay);
            for (JsonNode line : calls) {
                statuses.add(statuses.contains(NOT_RUN) || fatal(statuses) ? NOT_RUN : call(processor, line));
            }
            return statuses;
        }

        private static boolean fatal(List<String> statuses) {
            return statuses.stream().anyMatch(status -> status.startsWith("FATAL"));
        }

        private String call(int processor, JsonNode line) {
            SeamcallRegisters regs = new SeamcallRegisters();
            for (TdxOperand register : Replay.REGISTERS) {
                String name = register.name().toLowerCase(Locale.ROOT);
                JsonNode in = line.get("in").get(name);
                regs.set(
                        register,
                        number(
                                in != null
                                        ? in
                                        : recording
                                                .header()
                                                .get("unlisted_regs")
                                                .get(name)));
            }
            try {
                return gloss(host.machine()
                        .processor(processor)
                        .seamcall(line.get("leaf_no").longValue(), regs));
            } catch (SeamcallUnavailableException e) {
                // The exception has a cause on the processor that was fatal, and none on those that come later.
                return e.getCause() == null
                        ? NOT_RUN
                        : e.getCause().getMessage().replace("FATAL_ERROR_ID_", "FATAL_");
            }
        }

        /** A recorded module goes on beside a fatal error of the other processor; here it stops. */
        boolean isKnown() {
            boolean known = false;
            boolean anyFatal = fatal(first) || fatal(second);
            for (JsonNode outcome : test.get("outcomes")) {
                known |= matches(outcome.get("t1"), first, anyFatal)
                        && matches(outcome.get("t2"), second, anyFatal)
                        && (anyFatal || outcome.get("final").textValue().equals(finalState()));
            }
            for (JsonNode outcome : test.get("allowed_by_reading")) {
                known |= matches(outcome.get("t1"), first, anyFatal) && matches(outcome.get("t2"), second, anyFatal);
            }
            return known && (anyFatal || nothingHeld());
        }

        private static boolean matches(JsonNode recorded, List<String> statuses, boolean anyFatal) {
            boolean same = true;
            for (int i = 0; i < statuses.size(); i++) {
                same &= recorded.get(i).textValue().equals(statuses.get(i))
                        || (anyFatal && statuses.get(i).equals(NOT_RUN));
            }
            return same;
        }

        private boolean nothingHeld() {
            boolean free = true;
            for (JsonNode region : test.get("regions")) {
                long entry = host.entryHpa(number(region), PageLevel.SIZE_2M);
                free &= (host.memory().read64(entry) & 0xFFFD) == 0;
            }
            return free;
        }

        /** The state afterwards, written as in the recording. */
        private String finalState() {
            List<String> parts = new ArrayList<>();
            test.get("regions")
                    .properties()
                    .forEach(region -> parts.add(region.getKey() + "=" + entry(number(region.getValue()))));
            test.get("watch").properties().forEach(watched -> {
                String name = watched.getKey();
                if (!name.startsWith("L.")) {
                    parts.add(name + "=" + Long.toHexString(watchedValue(name, number(watched.getValue()))));
                }
            });
            return String.join(" ", parts);
        }

        private long watchedValue(String name, long hpa) {
            if (name.startsWith("oldpair")) {
                return host.memory().read64(hpa) & 0xFFFF;
            }
            if (!name.endsWith(".epoch") && !name.endsWith(".chldcnt")) {
                return host.memory().read64(hpa);
            }
            long tdrHpa = number(test.get("regions").get(name.substring(0, 1)));
            Td td = Inspection.module(host.machine()).tds().at(tdrHpa);
            if (td == null) {
                return 0;
            }
            return name.endsWith(".epoch") ? td.epoch() : td.childPages();
        }

        private String entry(long region) {
            long hpa = host.entryHpa(region, PageLevel.SIZE_2M);
            long word0 = host.memory().read64(hpa);
            long word1 = host.memory().read64(hpa + 8);
            return switch ((int) (word0 >>> 16) & 31) {
                case 0 -> "NDA";
                case 3 -> "REG";
                default -> "PAMT(" + page(word0 >>> 28 << 12) + "," + page(word1 >>> 28 << 12) + ")n" + (word1 & 0x3FF);
            };
        }

        private String page(long hpa) {
            String name = Long.toHexString(hpa);
            for (var fields = test.get("regions").properties().iterator(); fields.hasNext(); ) {
                var region = fields.next();
                long offset = hpa - number(region.getValue());
                if (offset >= 0 && offset < PageLevel.SIZE_2M.bytes()) {
                    name = region.getKey() + (offset == 0 ? "" : "+" + (offset >>> 12));
                }
            }
            return name;
        }

        @Override
        public String toString() {
            return first + " || " + second + " : " + finalState();
        }
    }

    private static void spin(int times) {
        for (int i = 0; i < times; i++) {
            Thread.onSpinWait();
        }
    }

    /** A status as recordings gloss it: {@code TDX_OPERAND_BUSY/RCX}. */
    private static String gloss(long status) {
        TdxStatus known = TdxStatus.of(status);
        TdxOperand operand = TdxStatus.operandOf(status);
        if (known == TdxStatus.PAMT_PAGE_NOT_EMPTY) {
            return known.abiName() + "/pair_page_" + TdxStatus.detailsOf(status);
        }
        return known.abiName() + (operand == null ? "" : "/" + operand);
    }
}
