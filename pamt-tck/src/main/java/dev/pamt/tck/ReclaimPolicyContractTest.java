package dev.pamt.tck;

import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.pamt.api.ReclaimPolicy;
import dev.pamt.api.ReclaimPolicy.IdleRegions;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;

/**
 * What every {@link ReclaimPolicy} must do, built in or a user's own: the rules RP-1 to RP-5. Extend it, and give the policy.
 *
 * <p>A failure begins with the rule that is broken. After a question that was not answered within {@link #patience} the other tests
 * are skipped, because their threads would wait as well. A policy that keeps no region idle is never asked, so what is about questions
 * is skipped for it.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.MethodName.class)
@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
public abstract class ReclaimPolicyContractTest {
    private static final long[] AGES_NANOS = {
        0, 1, 1_000, 1_000_000, 1_000_000_000, TimeUnit.HOURS.toNanos(1), TimeUnit.DAYS.toNanos(365), Long.MAX_VALUE
    };
    private static final int THREADS = 4;
    private static final int QUESTIONS = 1000;
    private static final long COMPETITION_NANOS = TimeUnit.MILLISECONDS.toNanos(400);

    private volatile String blocked;

    /** Makes the test; JUnit does. */
    protected ReclaimPolicyContractTest() {}

    /**
     * The policy under test.
     *
     * @return the policy
     */
    protected abstract ReclaimPolicy policy();

    /**
     * How long an answer may take before it counts as blocked.
     *
     * @return a time that a slow machine does not need
     */
    protected Duration patience() {
        return Duration.ofSeconds(5);
    }

    /** Regions as a manager shows them: they may have changed at each look. */
    private record Idle(int count, long firstIdleNanos) implements IdleRegions {}

    /** Regions that other threads take while the policy looks. */
    private static final class Vanishing implements IdleRegions {
        private int count;

        Vanishing(int count) {
            this.count = count;
        }

        @Override
        public int count() {
            return count == 0 ? 0 : count--;
        }

        @Override
        public long firstIdleNanos() {
            return 0;
        }
    }

    private static int[] counts(int most) {
        return IntStream.of(1, 2, most / 2, most - 1, most)
                .filter(count -> count >= 1 && count <= most)
                .distinct()
                .toArray();
    }

    /** The policy, if a manager asks it at all. */
    private ReclaimPolicy asked() {
        ReclaimPolicy policy = policy();
        assumeTrue(policy.idleRegions() > 0, "a policy that keeps no region idle is not asked");
        return policy;
    }

    private static void ask(ReclaimPolicy policy, String rule, IdleRegions idle) {
        try {
            policy.takesBackFirst(idle);
        } catch (RuntimeException | Error thrown) {
            throw BrokenRule.of(thrown, rule, "takesBackFirst of %s has thrown %s", idle, thrown);
        }
    }

    private void finish(Crew crew, String rule, String what) throws Exception {
        if (!crew.ends(patience())) {
            throw blocks(rule, what);
        }
    }

    private AssertionError blocks(String rule, String what) {
        long millis = patience().toMillis();
        AssertionError broken = BrokenRule.of(rule, "%s has not been answered for %d ms", what, millis);
        blocked = broken.getMessage();
        return broken;
    }

    @BeforeEach
    void isNotBlocked() {
        if (blocked != null) {
            abort("a question was not answered in a test before this one: " + blocked);
        }
    }

    @Test
    void rp1HasAName() {
        ReclaimPolicy policy = policy();
        String name = policy.name();
        if (name == null || name.isBlank()) {
            throw BrokenRule.of("RP-1", "the name is '%s'", name);
        }
        String again = policy.name();
        if (!name.equals(again)) {
            throw BrokenRule.of("RP-1", "the name was '%s' and then '%s'", name, again);
        }
    }

    @Test
    void rp2TheNumberOfIdleRegionsIsWithinBoundsAndAlwaysTheSame() throws Exception {
        ReclaimPolicy policy = policy();
        int most = policy.idleRegions();
        if (most < 0 || most > ReclaimPolicy.MAX_IDLE_REGIONS) {
            throw BrokenRule.of("RP-2", "idleRegions is %d, and not 0 to %d", most, ReclaimPolicy.MAX_IDLE_REGIONS);
        }
        try (Crew crew = Crew.ofPlatformThreads()) {
            for (int i = 0; i < THREADS; i++) {
                crew.add(() -> {
                    for (int count : counts(most)) {
                        ask(policy, "RP-3", new Idle(count, count));
                        sameNumber(policy, most);
                        crew.advances();
                    }
                    sameNumber(policy, most);
                });
            }
            finish(crew, "RP-4", "a question");
        }
    }

    private static void sameNumber(ReclaimPolicy policy, int most) {
        int now = policy.idleRegions();
        if (now != most) {
            throw BrokenRule.of("RP-2", "idleRegions was %d and is now %d", most, now);
        }
    }

    @Test
    void rp3AnswersWhateverTheCountAndTheAge() throws Exception {
        ReclaimPolicy policy = asked();
        try (Crew crew = Crew.running(() -> {
            for (int count : counts(policy.idleRegions())) {
                for (long age : AGES_NANOS) {
                    ask(policy, "RP-3", new Idle(count, age));
                }
            }
        })) {
            finish(crew, "RP-4", "a question");
        }
    }

    @Test
    void rp3AnswersWhenTheRegionsAreTakenMeanwhile() throws Exception {
        ReclaimPolicy policy = asked();
        try (Crew crew = Crew.running(() -> {
            for (int count : counts(Math.min(policy.idleRegions(), QUESTIONS))) {
                ask(policy, "RP-3", new Vanishing(count));
            }
        })) {
            finish(crew, "RP-4", "a question");
        }
    }

    @Test
    void rp4AnAnswerDoesNotBlock() throws Exception {
        ReclaimPolicy policy = asked();
        int most = policy.idleRegions();
        try (Crew crew = Crew.ofPlatformThreads()) {
            crew.add(() -> {
                for (int i = 0; i < QUESTIONS; i++) {
                    ask(policy, "RP-3", new Idle(1 + i % most, i));
                    crew.advances();
                }
            });
            finish(crew, "RP-4", "a question");
        }
    }

    /** One thread stays inside a question for long, as a thread does that is preempted there. */
    @Test
    void rp4AnAnswerDoesNotWaitForTheThreadOfAnother() throws Exception {
        ReclaimPolicy policy = asked();
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        try (Crew preempted = Crew.running(() -> {
            ask(policy, "RP-3", new Preempting(inside, goOn));
            inside.countDown();
        })) {
            if (!inside.await(patience().toNanos(), TimeUnit.NANOSECONDS)) {
                throw blocks("RP-4", "a question");
            }
            try (Crew other = Crew.running(() -> ask(policy, "RP-3", new Idle(1, 1)))) {
                finish(other, "RP-4", "a question beside one of a thread that is preempted");
            } finally {
                goOn.countDown();
            }
            finish(preempted, "RP-4", "a question");
        }
    }

    private record Preempting(CountDownLatch inside, CountDownLatch goOn) implements IdleRegions {
        private void stay() {
            inside.countDown();
            try {
                goOn.await();
            } catch (InterruptedException end) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public int count() {
            stay();
            return 1;
        }

        @Override
        public long firstIdleNanos() {
            stay();
            return 1;
        }
    }

    @Test
    void rp5AnyNumberOfThreadsCanAskAtOnce() throws Exception {
        ReclaimPolicy policy = asked();
        int most = policy.idleRegions();
        AtomicInteger answers = new AtomicInteger();
        try (Crew crew = Crew.ofPlatformThreads()) {
            for (int i = 0; i < THREADS; i++) {
                crew.add(() -> {
                    ThreadLocalRandom random = ThreadLocalRandom.current();
                    long end = System.nanoTime() + COMPETITION_NANOS;
                    while (System.nanoTime() < end && !crew.hasFailed()) {
                        ask(policy, "RP-5", new Idle(random.nextInt(1, most + 1), random.nextLong(Long.MAX_VALUE)));
                        answers.incrementAndGet();
                        crew.advances();
                    }
                });
            }
            finish(crew, "RP-5", "one of " + THREADS + " threads, after " + answers.get() + " answers,");
        }
    }
}
