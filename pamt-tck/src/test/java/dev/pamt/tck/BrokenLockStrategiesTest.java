package dev.pamt.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.LockStrategy;
import dev.pamt.api.LockStrategy.RegionBits;
import dev.pamt.api.LockStrategy.RegionLocks;
import dev.pamt.api.MemoryMap;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Each rule of the contract catches the lock strategy that breaks it, and no other rule does. */
class BrokenLockStrategiesTest {
    private static final long FIRST_FORGOTTEN_LOCK = 1_000_000;
    private static final int STRIPES = 16;
    private static final int SPINS = 1000;

    /** A fair semaphore for each region, which keeps all rules. */
    private static class Good implements RegionLocks {
        private final ConcurrentHashMap<Long, Semaphore> semaphores = new ConcurrentHashMap<>();

        Semaphore of(long lock) {
            return semaphores.computeIfAbsent(lock, key -> new Semaphore(1, true));
        }

        @Override
        public long lockOf(long region) {
            return region;
        }

        @Override
        public boolean tryLock(long lock) {
            return of(lock).tryAcquire();
        }

        @Override
        public void lock(long lock) {
            of(lock).acquireUninterruptibly();
        }

        @Override
        public void unlock(long lock) {
            of(lock).release();
        }
    }

    /** A word for each lock, which is 1 while the lock is held; a thread that waits for it tries again. */
    private static class Word implements RegionLocks {
        private final ConcurrentHashMap<Long, AtomicInteger> words = new ConcurrentHashMap<>();

        AtomicInteger of(long lock) {
            return words.computeIfAbsent(lock, key -> new AtomicInteger());
        }

        @Override
        public long lockOf(long region) {
            return region;
        }

        @Override
        public boolean tryLock(long lock) {
            return of(lock).compareAndSet(0, 1);
        }

        @Override
        public void lock(long lock) {
            for (int tries = 1; !tryLock(lock); tries++) {
                if (tries % SPINS == 0) {
                    LockSupport.parkNanos(1_000);
                } else {
                    Thread.onSpinWait();
                }
            }
        }

        @Override
        public void unlock(long lock) {
            of(lock).set(0);
        }
    }

    /** One queue for the waiters of all locks, of which an unlock wakes the first. */
    private static final class OneQueue extends Word {
        @Override
        public synchronized void lock(long lock) {
            boolean interrupted = false;
            while (!tryLock(lock)) {
                try {
                    wait();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public synchronized void unlock(long lock) {
            super.unlock(lock);
            notify();
        }
    }

    /** A strategy for each way to break a rule. */
    @SuppressWarnings("ImmutableEnumChecker") // functions without state
    enum Broken {
        LS_1_HAS_A_BLANK_NAME(bits -> new Good()),
        LS_2_GIVES_EACH_THREAD_ITS_OWN_LOCK(bits -> new Good() {
            @Override
            public long lockOf(long region) {
                return (Thread.currentThread().getId() << 32) + region;
            }
        }),
        LS_2_GIVES_ANOTHER_LOCK_WHILE_THE_FIRST_IS_HELD(bits -> new Good() {
            @Override
            public long lockOf(long region) {
                return of(region).availablePermits() == 0 ? region + 1 : region;
            }
        }),
        LS_3_REFUSES_A_FREE_LOCK_AT_FIRST(bits -> new Good() {
            private final ConcurrentHashMap<Long, Boolean> asked = new ConcurrentHashMap<>();

            @Override
            public boolean tryLock(long lock) {
                return asked.put(lock, true) != null && super.tryLock(lock);
            }
        }),
        LS_4_WAITS_IN_TRY_LOCK(bits -> new Good() {
            @Override
            public boolean tryLock(long lock) {
                lock(lock);
                return true;
            }
        }),
        LS_5_WAKES_NO_WAITER(bits -> new Word() {
            @Override
            public void lock(long lock) {
                while (!tryLock(lock)) {
                    LockSupport.park();
                }
            }
        }),
        LS_6_FORGETS_LOCKS_WITH_HIGH_NUMBERS(bits -> new Good() {
            @Override
            public boolean tryLock(long lock) {
                return lock >= FIRST_FORGOTTEN_LOCK || super.tryLock(lock);
            }

            @Override
            public void lock(long lock) {
                if (lock < FIRST_FORGOTTEN_LOCK) {
                    super.lock(lock);
                }
            }

            @Override
            public void unlock(long lock) {
                if (lock < FIRST_FORGOTTEN_LOCK) {
                    super.unlock(lock);
                }
            }
        }),
        LS_6_LOOKS_AND_THEN_TAKES(bits -> new Word() {
            @Override
            public boolean tryLock(long lock) {
                AtomicInteger word = of(lock);
                if (word.get() != 0) {
                    return false;
                }
                word.set(1);
                return true;
            }
        }),
        LS_7_HAS_FEWER_LOCKS_THAN_NUMBERS(bits -> new Good() {
            @Override
            Semaphore of(long lock) {
                return super.of(lock % STRIPES);
            }
        }),
        LS_7_WAKES_THE_WAITER_OF_ANOTHER_LOCK(bits -> new OneQueue()),
        LS_8_RETURNS_WHEN_INTERRUPTED(bits -> new Good() {
            @Override
            public void lock(long lock) {
                try {
                    of(lock).acquire();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        }),
        LS_8_THROWS_WHEN_INTERRUPTED(bits -> new Good() {
            @Override
            public void lock(long lock) {
                try {
                    of(lock).acquire();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }
        }),
        LS_8_LOSES_THE_INTERRUPT_STATUS(bits -> new Good() {
            @Override
            public void lock(long lock) {
                super.lock(lock);
                Thread.interrupted();
            }
        }),
        LS_9_HAS_ONE_SET_OF_LOCKS(null) {
            private final RegionLocks shared = new Good();

            @Override
            RegionLocks newLocks(RegionBits bits) {
                return shared;
            }
        },
        LS_10_USES_A_THIRD_BIT(bits -> new Word() {
            @Override
            public boolean tryLock(long lock) {
                return bits.compareAndSet(lock, 0, 4);
            }

            @Override
            public void unlock(long lock) {
                bits.compareAndSet(lock, 4, 0);
            }
        });

        private final Function<RegionBits, RegionLocks> making;

        Broken(Function<RegionBits, RegionLocks> making) {
            this.making = making;
        }

        RegionLocks newLocks(RegionBits bits) {
            return making.apply(bits);
        }

        /** LS-10 of LS_10_USES_A_THIRD_BIT. */
        String rule() {
            return name().replaceFirst("^(LS)_(\\d+)_.*", "$1-$2");
        }
    }

    private record Strategy(String name, Function<RegionBits, RegionLocks> making) implements LockStrategy {
        @Override
        public RegionLocks newLocks(MemoryMap memory, RegionBits bits) {
            return making.apply(bits);
        }
    }

    /** The contract, run by this test alone: surefire takes no nested classes for tests. */
    static final class Contract extends LockStrategyContractTest {
        private static Strategy strategy;
        private static Duration competition;

        @Override
        protected LockStrategy strategy() {
            return strategy;
        }

        @Override
        protected Duration patience() {
            return Duration.ofSeconds(3);
        }

        @Override
        protected Duration competition() {
            return competition;
        }
    }

    private static ContractRun run(String name, Duration competition, Function<RegionBits, RegionLocks> making) {
        Contract.strategy = new Strategy(name, making);
        Contract.competition = competition;
        return ContractRun.of(Contract.class);
    }

    @ParameterizedTest
    @EnumSource
    void failsExactlyItsRule(Broken broken) {
        String name = broken == Broken.LS_1_HAS_A_BLANK_NAME ? " " : "broken";
        // What two threads do at once takes its time to be seen; all else is broken at the first try.
        Duration competition = Duration.ofMillis(broken == Broken.LS_6_LOOKS_AND_THEN_TAKES ? 300 : 30);
        run(name, competition, broken::newLocks).failsExactly(broken.rule());
    }

    @Test
    void nothingFailsIfNothingIsBroken() {
        run("good", Duration.ofMillis(100), bits -> new Good()).passes();
        run("good", Duration.ofMillis(100), bits -> new Word()).passes();
    }

    @Test
    void aThreadThatIsLeftWaitingIsReportedOnceAndNotByEveryTest() {
        ContractRun run = run("broken", Duration.ofMillis(30), Broken.LS_5_WAKES_NO_WAITER::newLocks);
        assertEquals(1, run.failures().size(), run.failures()::toString);
        assertTrue(run.failures().get(0).contains("some of 16 threads have not got lock"), run.failures()::toString);
        assertTrue(run.skipped().size() > 5, run.skipped()::toString);
    }
}
