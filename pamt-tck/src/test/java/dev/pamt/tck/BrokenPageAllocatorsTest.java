package dev.pamt.tck;

import dev.pamt.api.PageAllocator;
import java.time.Duration;
import java.util.Arrays;
import java.util.BitSet;
import java.util.NoSuchElementException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Each rule of the contract catches the page allocator that breaks it, and no other rule does. */
class BrokenPageAllocatorsTest {
    private static final long BASE_HPA = 1L << 32;
    private static final int PAGES_PER_CHUNK = 512;
    private static final int PAGES = 3 * PAGES_PER_CHUNK;

    /** Three regions: pages from the bottom, chunks from the top; refuses what is not out. */
    private static class Good implements PageAllocator {
        final BitSet out = new BitSet();

        @Override
        public synchronized long allocPage() {
            int page = out.nextClearBit(0);
            if (page >= PAGES) {
                return NONE;
            }
            out.set(page);
            return BASE_HPA + page * PAGE_BYTES;
        }

        @Override
        public synchronized void freePage(long hpa) {
            int page = indexOf(hpa);
            if (!out.get(page)) {
                throw new IllegalArgumentException("page " + page + " is not out");
            }
            out.clear(page);
        }

        @Override
        public synchronized long allocChunk() {
            for (int first = PAGES - PAGES_PER_CHUNK; first >= 0; first -= PAGES_PER_CHUNK) {
                int used = out.nextSetBit(first);
                if (used < 0 || used >= first + PAGES_PER_CHUNK) {
                    out.set(first, first + PAGES_PER_CHUNK);
                    return BASE_HPA + first * PAGE_BYTES;
                }
            }
            return NONE;
        }

        @Override
        public synchronized void freeChunk(long hpa) {
            out.clear(indexOf(hpa), indexOf(hpa) + PAGES_PER_CHUNK);
        }

        static int indexOf(long hpa) {
            return (int) ((hpa - BASE_HPA) / PAGE_BYTES);
        }
    }

    /** An allocator for each way to break a rule. */
    // Functions without state; and what is not synchronized is so on purpose.
    @SuppressWarnings({"ImmutableEnumChecker", "UnsynchronizedOverridesSynchronized"})
    enum Broken {
        PA_1_GIVES_MISALIGNED_PAGES(() -> new Good() {
            @Override
            public long allocPage() {
                long hpa = super.allocPage();
                return hpa == NONE ? NONE : hpa + PAGE_BYTES / 2;
            }
        }),
        PA_1_GIVES_ANOTHER_NUMBER_FOR_NONE(() -> new Good() {
            @Override
            public long allocPage() {
                long hpa = super.allocPage();
                return hpa == NONE ? Long.MIN_VALUE : hpa;
            }
        }),
        PA_2_GIVES_MISALIGNED_CHUNKS(() -> new Good() {
            @Override
            public long allocChunk() {
                long hpa = super.allocChunk();
                return hpa == NONE ? NONE : hpa + PAGE_BYTES;
            }

            @Override
            public void freeChunk(long hpa) {
                super.freeChunk(hpa - PAGE_BYTES);
            }
        }),
        PA_3_GIVES_A_PAGE_TWICE(() -> new Good() {
            private long last = NONE;

            @Override
            public synchronized long allocPage() {
                long hpa = super.allocPage();
                last = hpa == NONE ? last : hpa;
                return hpa == NONE ? last : hpa;
            }
        }),
        /** Looks at the first page of a region only. */
        PA_3_GIVES_CHUNKS_WITH_PAGES_THAT_ARE_OUT(() -> new Good() {
            @Override
            public synchronized long allocChunk() {
                for (int first = 0; first < PAGES; first += PAGES_PER_CHUNK) {
                    if (!out.get(first)) {
                        out.set(first, first + PAGES_PER_CHUNK);
                        return BASE_HPA + first * PAGE_BYTES;
                    }
                }
                return NONE;
            }
        }),
        PA_4_LOSES_PAGES_THAT_COME_BACK_AFTER_OTHERS(() -> new Good() {
            private int given;

            @Override
            public synchronized void freePage(long hpa) {
                if (++given % 7 != 0) {
                    super.freePage(hpa);
                }
            }
        }),
        PA_4_TAKES_CHUNKS_BACK_IN_ORDER_ONLY(() -> new Good() {
            private long last;

            @Override
            public synchronized long allocChunk() {
                long hpa = super.allocChunk();
                last = hpa == NONE ? last : hpa;
                return hpa;
            }

            @Override
            public synchronized void freeChunk(long hpa) {
                if (hpa != last) {
                    throw new IllegalArgumentException("not the last one");
                }
                super.freeChunk(hpa);
                last += CHUNK_BYTES;
            }
        }),
        PA_5_THROWS_WITHOUT_MEMORY(() -> new Good() {
            @Override
            public long allocPage() {
                long hpa = super.allocPage();
                if (hpa == NONE) {
                    throw new NoSuchElementException("no page");
                }
                return hpa;
            }
        }),
        PA_6_IS_FOR_ONE_THREAD(() -> new Good() {
            private final boolean[] used = new boolean[PAGES];
            private int next;

            @Override
            public long allocPage() {
                for (int i = 0; i < PAGES; i++) {
                    int page = (next + i) % PAGES;
                    if (!used[page]) {
                        if (page % 64 == 0) {
                            LockSupport.parkNanos(1_000);
                        }
                        used[page] = true;
                        next = page + 1;
                        return BASE_HPA + page * PAGE_BYTES;
                    }
                }
                return NONE;
            }

            @Override
            public void freePage(long hpa) {
                used[indexOf(hpa)] = false;
            }

            @Override
            public long allocChunk() {
                return NONE;
            }
        }),
        PA_6_DOES_NOT_END_WITH_TWO_THREADS(() -> new Good() {
            private final Thread owner = Thread.currentThread();
            private boolean asked;

            @Override
            public synchronized long allocPage() {
                boolean interrupted = false;
                asked |= Thread.currentThread() != owner
                        && Thread.currentThread().getName().equals("contract");
                while (asked && !interrupted) {
                    try {
                        wait();
                    } catch (InterruptedException end) {
                        interrupted = true;
                    }
                }
                return super.allocPage();
            }
        }),
        /** Takes the free pages of a region before it sees that there are too few. */
        PA_7_TAKES_PAGES_FOR_A_CHUNK_IN_VAIN(() -> new Good() {
            @Override
            public synchronized long allocChunk() {
                long chunk = super.allocChunk();
                if (chunk == NONE && out.cardinality() < PAGES) {
                    out.set(out.nextClearBit(0));
                }
                return chunk;
            }
        }),
        PA_7_LOSES_A_PAGE_WHEN_IT_REFUSES(() -> new Good() {
            @Override
            public synchronized void freePage(long hpa) {
                try {
                    super.freePage(hpa);
                } catch (IllegalArgumentException refused) {
                    out.set(indexOf(hpa));
                    throw refused;
                }
            }
        });

        private final Supplier<PageAllocator> making;

        Broken(Supplier<PageAllocator> making) {
            this.making = making;
        }

        /** PA-7 of PA_7_LOSES_A_PAGE_WHEN_IT_REFUSES. */
        String rule() {
            return name().replaceFirst("^(PA)_(\\d+)_.*", "$1-$2");
        }
    }

    /** The contract, run by this test alone: surefire takes no nested classes for tests. */
    static final class Contract extends PageAllocatorContractTest {
        private static Supplier<PageAllocator> making;

        @Override
        protected PageAllocator newAllocator() {
            return making.get();
        }

        @Override
        protected Duration patience() {
            return Duration.ofSeconds(3);
        }
    }

    private static ContractRun run(Supplier<PageAllocator> making) {
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
    }

    @Test
    @SuppressWarnings("UnsynchronizedOverridesSynchronized") // it touches nothing
    void whatAnAllocatorLacksIsSkipped() {
        run(() -> new Good() {
                    @Override
                    public long allocChunk() {
                        return NONE;
                    }
                })
                .passes("pa2AChunkIsOneOf2M()");
        run(() -> new Good() {
                    @Override
                    public long allocPage() {
                        return NONE;
                    }
                })
                .passes(
                        "pa1APageIsOneOf4K()",
                        "pa7AChunkThatIsNotToBeHadCostsNoPage()",
                        "pa7ARefusalHasChangedNothing()");
    }

    @Test
    void pagesOfAnAllocatorThatRefusesNothingAreNoFailure() {
        boolean[] out = new boolean[PAGES];
        run(() -> new PageAllocator() {
                    {
                        Arrays.fill(out, false);
                    }

                    @Override
                    public synchronized long allocPage() {
                        for (int page = 0; page < PAGES; page++) {
                            if (!out[page]) {
                                out[page] = true;
                                return BASE_HPA + page * PAGE_BYTES;
                            }
                        }
                        return NONE;
                    }

                    @Override
                    public synchronized void freePage(long hpa) {
                        out[Good.indexOf(hpa)] = false;
                    }
                })
                .passes("pa2AChunkIsOneOf2M()", "pa7ARefusalHasChangedNothing()");
    }
}
