package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.conformance.Line.RecordedRace;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;

/**
 * Holds a backend to recorded races: sets a machine up, makes the calls of two processors at once from two threads, and
 * checks that what came out is one of the outcomes that the real module showed or could have shown.
 *
 * <p>Every round has a machine of its own and a random head start of one of the threads. What an outcome is: the status of
 * each call, the output registers that the recording lists, and, if the backend can be looked into, the PAMT entries, Secure
 * EPT entries, page counts and epochs afterwards. Three named rules say where recordings are read with some latitude:
 *
 * <ul>
 *   <li><b>residue</b>: of the locks afterwards it is only checked that nothing is held; host priority may stay, as the
 *       recordings show for every BUSY.
 *   <li><b>fatal stops</b>: the recorded module went on beside a fatal error of the other processor. A backend stops, so the
 *       statuses of calls that it did not make any more, and the state afterwards, are not compared.
 *   <li><b>read, not recorded</b>: outcomes that were derived by reading the module's code say nothing of registers and
 *       state.
 * </ul>
 *
 * <p>Immutable and thread-safe, if the backend is. <b>Progress:</b> uses two threads for as long as the rounds take.
 */
public final class Litmus {
    /** What a delay at the start of a race is at most, in spins. */
    private static final int MAX_DELAY_SPINS = 400;

    /** Called when a race begins and when it ends, such as to disturb the backend in between. */
    public interface RaceListener {
        /** Both threads are ready; setup is over. */
        void raceBegins();

        /** Both threads are done. */
        void raceEnds();
    }

    /**
     * What came of one race. Immutable and thread-safe.
     *
     * @param name the name of the race
     * @param about what races with what
     * @param rounds how often it was run
     * @param inside the outcomes that were recorded or are allowed, and how often each was seen
     * @param outside the outcomes that were not, and how often each was seen
     * @param expected how many different outcomes the recording has
     */
    public record Result(
            String name,
            String about,
            int rounds,
            SortedMap<String, Integer> inside,
            SortedMap<String, Integer> outside,
            int expected) {
        /**
         * Whether no outcome was outside.
         *
         * @return true if all outcomes were recorded or are allowed
         */
        public boolean passed() {
            return outside.isEmpty();
        }
    }

    private final Function<PlatformConfig, SeamcallPlatform> backend;
    private final int rounds;
    private final long seed;
    private final RaceListener listener;

    private Litmus(Function<PlatformConfig, SeamcallPlatform> backend, int rounds, long seed, RaceListener listener) {
        this.backend = backend;
        this.rounds = rounds;
        this.seed = seed;
        this.listener = listener;
    }

    /**
     * Prepares to test a backend.
     *
     * @param backend opens a machine, such as {@code factory::open}; every machine is closed after its round
     * @param rounds how often each race is run, at least 1
     * @param seed decides the head starts
     * @return the test
     * @throws IllegalArgumentException if there are no rounds
     */
    public static Litmus of(Function<PlatformConfig, SeamcallPlatform> backend, int rounds, long seed) {
        if (rounds < 1) {
            throw new IllegalArgumentException("a race is run at least once, not " + rounds + " times");
        }
        return new Litmus(Objects.requireNonNull(backend, "backend"), rounds, seed, new RaceListener() {
            @Override
            public void raceBegins() {}

            @Override
            public void raceEnds() {}
        });
    }

    /**
     * Sets the listener that is called when a race begins and when it ends.
     *
     * @param other the listener, called on the thread that runs the race
     * @return a test with that listener
     */
    public Litmus withListener(RaceListener other) {
        return new Litmus(backend, rounds, seed, Objects.requireNonNull(other, "other"));
    }

    /**
     * Runs one race, many times.
     *
     * @param recording a recording of races
     * @param name the name of the race
     * @return what came of it
     * @throws IllegalArgumentException if the recording has no such race or does not say on what machine, or if the backend cannot be the
     *     machine that it was made on
     * @throws InterruptedException if the thread is interrupted between two rounds
     */
    public Result run(Recording recording, String name) throws InterruptedException {
        RecordedRace race = recording
                .races()
                .filter(one -> one.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(recording + " has no race named '" + name + "'"));
        if (recording.header().platform() == null) {
            throw new IllegalArgumentException(recording + " does not say on what machine it was made");
        }
        SplittableRandom random = new SplittableRandom(seed);
        SortedMap<String, Integer> inside = new TreeMap<>();
        SortedMap<String, Integer> outside = new TreeMap<>();
        ExecutorService other = Executors.newSingleThreadExecutor(task -> {
            Thread thread = new Thread(task, "litmus-processor-1");
            thread.setDaemon(true);
            return thread;
        });
        try {
            for (int i = 0; i < rounds; i++) {
                try (RecordedMachine machine = RecordedMachine.bringUp(recording.header(), backend)) {
                    int headStart = random.nextInt(-MAX_DELAY_SPINS, MAX_DELAY_SPINS);
                    RaceRun run = new RaceRun(machine, race, listener, headStart);
                    run.run(other);
                    (run.isKnown() ? inside : outside).merge(run.outcome(), 1, Integer::sum);
                }
            }
        } finally {
            other.shutdown();
        }
        return new Result(
                name, race.about(), rounds, inside, outside, race.outcomes().size());
    }

    /**
     * What a race may come to.
     *
     * @param recording a recording of races
     * @param name the name of the race
     * @return the recorded and the allowed outcomes, in the words of the recording
     */
    public static Set<String> allowed(Recording recording, String name) {
        Set<String> texts = new TreeSet<>();
        recording.races().filter(race -> race.name().equals(name)).forEach(race -> {
            race.outcomes().forEach(outcome -> texts.add(outcome.statuses() + " : " + outcome.finalState()));
            race.allowed().forEach(statuses -> texts.add(statuses.toString()));
        });
        return texts;
    }
}
