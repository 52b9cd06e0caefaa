package dev.pamt.tck;

import dev.pamt.api.ReclaimPolicy;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Each rule of the contract catches the reclaim policy that breaks it, and no other rule does. */
class BrokenReclaimPoliciesTest {
    private static final int MOST = 100;

    /** Goes by number and by age. */
    private static class Good implements ReclaimPolicy {
        @Override
        public String name() {
            return "good";
        }

        @Override
        public int idleRegions() {
            return MOST;
        }

        @Override
        public boolean takesBackFirst(IdleRegions idle) {
            return idle.count() > MOST / 2 && idle.firstIdleNanos() > 1_000_000;
        }
    }

    /** A policy for each way to break a rule. */
    @SuppressWarnings("ImmutableEnumChecker") // functions without state
    enum Broken {
        RP_1_HAS_NO_NAME(() -> new Good() {
            @Override
            public String name() {
                return "";
            }
        }),
        RP_1_HAS_A_NEW_NAME_EACH_TIME(() -> new Good() {
            private final AtomicInteger asked = new AtomicInteger();

            @Override
            public String name() {
                return "number " + asked.getAndIncrement();
            }
        }),
        RP_2_KEEPS_TOO_MANY_REGIONS(() -> new Good() {
            @Override
            public int idleRegions() {
                return MAX_IDLE_REGIONS + 1;
            }
        }),
        RP_2_KEEPS_FEWER_REGIONS_AFTER_A_QUESTION(() -> new Good() {
            private final AtomicInteger questions = new AtomicInteger();

            @Override
            public int idleRegions() {
                return Math.max(1, MOST - questions.get());
            }

            @Override
            public boolean takesBackFirst(IdleRegions idle) {
                questions.getAndIncrement();
                return false;
            }
        }),
        /** Divides by the age in milliseconds. */
        RP_3_FAILS_FOR_A_REGION_THAT_HAS_JUST_COME(() -> new Good() {
            @Override
            public boolean takesBackFirst(IdleRegions idle) {
                return 1000 / (idle.firstIdleNanos() / 1_000_000) > idle.count();
            }
        }),
        RP_3_FAILS_WHEN_THE_REGIONS_ARE_TAKEN_MEANWHILE(() -> new Good() {
            @Override
            public boolean takesBackFirst(IdleRegions idle) {
                return idle.count() > 0 && MOST / idle.count() > 3;
            }
        }),
        RP_4_WAITS(() -> new Good() {
            @Override
            public boolean takesBackFirst(IdleRegions idle) {
                while (!Thread.currentThread().isInterrupted()) {
                    LockSupport.park();
                }
                return false;
            }
        }),
        RP_4_ANSWERS_ONE_THREAD_AFTER_THE_OTHER(() -> new Good() {
            @Override
            public synchronized boolean takesBackFirst(IdleRegions idle) {
                return super.takesBackFirst(idle);
            }
        }),
        RP_5_IS_FOR_ONE_THREAD(() -> new Good() {
            private final AtomicInteger inside = new AtomicInteger();

            @Override
            public boolean takesBackFirst(IdleRegions idle) {
                // The contract asks two threads with known ages beside each other for RP-4, and any ages for RP-5.
                if (inside.getAndIncrement() > 0 && idle.firstIdleNanos() > MOST) {
                    throw new IllegalStateException("two threads at once");
                }
                LockSupport.parkNanos(1_000);
                inside.getAndDecrement();
                return false;
            }
        });

        private final Supplier<ReclaimPolicy> making;

        Broken(Supplier<ReclaimPolicy> making) {
            this.making = making;
        }

        /** RP-5 of RP_5_IS_FOR_ONE_THREAD. */
        String rule() {
            return name().replaceFirst("^(RP)_(\\d+)_.*", "$1-$2");
        }
    }

    /** The contract, run by this test alone: surefire takes no nested classes for tests. */
    static final class Contract extends ReclaimPolicyContractTest {
        private static Supplier<ReclaimPolicy> making;

        @Override
        protected ReclaimPolicy policy() {
            return making.get();
        }

        @Override
        protected Duration patience() {
            return Duration.ofSeconds(2);
        }
    }

    private static ContractRun run(Supplier<ReclaimPolicy> making) {
        Contract.making = making;
        return ContractRun.of(Contract.class);
    }

    @ParameterizedTest
    @EnumSource
    void failsExactlyItsRule(Broken broken) {
        run(broken.making).failsExactly(broken.rule());
    }

    @Test
    void nothingFailsIfNothingIsBroken() {
        run(Good::new).passes();
        run(() -> ReclaimPolicy.keepIdle(1)).passes();
        run(() -> ReclaimPolicy.keepIdle(ReclaimPolicy.MAX_IDLE_REGIONS)).passes();
    }

    @Test
    void questionsAreSkippedForAPolicyThatIsNeverAsked() {
        run(ReclaimPolicy::eager)
                .passes(
                        "rp3AnswersWhateverTheCountAndTheAge()",
                        "rp3AnswersWhenTheRegionsAreTakenMeanwhile()",
                        "rp4AnAnswerDoesNotBlock()",
                        "rp4AnAnswerDoesNotWaitForTheThreadOfAnother()",
                        "rp5AnyNumberOfThreadsCanAskAtOnce()");
    }
}
