package com.example.unixsocket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxStatus;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** An answer that is not one from its first byte to its last, or that does not come, is not believed. */
@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class SpoiltAnswerTest {
    private static final String TIMEOUT_MILLIS = "2000";
    private static final int NUMBER = Integer.BYTES;
    private static final int KIND = NUMBER + Long.BYTES;
    private static final int UNKNOWN = 77;
    private static final int REQUESTS_OF_OPEN = 1;

    /** What the other side does instead of answering well. */
    enum Bad implements MiddleMan.Spoiling {
        UNKNOWN_KIND {
            @Override
            public byte[] spoil(byte[] answer) {
                answer[KIND] = UNKNOWN;
                return answer;
            }
        },
        UNKNOWN_KIND_AND_NO_MORE {
            @Override
            public byte[] spoil(byte[] answer) {
                answer[KIND] = UNKNOWN;
                return resized(answer, KIND + 1);
            }
        },
        /** As much as belongs to an answer of kind 0, with a kind that says otherwise. */
        FAILURE_WITHOUT_TEXT {
            @Override
            public byte[] spoil(byte[] answer) {
                answer[KIND] = Message.UNAVAILABLE;
                return answer;
            }
        },
        FAILURE_WITH_BYTES_LEFT_OVER {
            @Override
            public byte[] spoil(byte[] answer) {
                return message(
                        answer, new Message(Message.UNAVAILABLE).put("gone").put(0L));
            }
        },
        REFUSAL_WITH_BYTES_LEFT_OVER {
            @Override
            public byte[] spoil(byte[] answer) {
                return message(answer, new Message(Message.REFUSED).put("no").put(0));
            }
        },
        BYTES_LEFT_OVER {
            @Override
            public byte[] spoil(byte[] answer) {
                return resized(answer, answer.length + 1);
            }
        },
        TOO_SHORT {
            @Override
            public byte[] spoil(byte[] answer) {
                return resized(answer, answer.length - 1);
            }
        },
        ONLY_A_KIND {
            @Override
            public byte[] spoil(byte[] answer) {
                return resized(answer, KIND + 1);
            }
        },
        NOT_EVEN_A_KIND {
            @Override
            public byte[] spoil(byte[] answer) {
                return resized(answer, KIND);
            }
        },
        HALF {
            @Override
            public byte[] spoil(byte[] answer) {
                return Arrays.copyOf(answer, answer.length / 2);
            }
        },
        NEVER {
            @Override
            public byte[] spoil(byte[] answer) {
                return new byte[0];
            }
        },
        STALE {
            @Override
            public byte[] spoil(byte[] answer) {
                ByteBuffer bytes = ByteBuffer.wrap(answer);
                return bytes.putLong(NUMBER, bytes.getLong(NUMBER) - 1).array();
            }
        },
        TOO_LONG {
            @Override
            public byte[] spoil(byte[] answer) {
                return ByteBuffer.wrap(answer).putInt(0, Integer.MAX_VALUE).array();
            }
        },
        NEGATIVE_LENGTH {
            @Override
            public byte[] spoil(byte[] answer) {
                return ByteBuffer.wrap(answer).putInt(0, -1).array();
            }
        };

        private static byte[] resized(byte[] answer, int length) {
            byte[] resized = Arrays.copyOf(answer, length);
            return ByteBuffer.wrap(resized).putInt(0, length - NUMBER).array();
        }

        private static byte[] message(byte[] answer, Message other) {
            try {
                ByteBuffer finished = other.finish(ByteBuffer.wrap(answer).getLong(NUMBER));
                byte[] bytes = new byte[finished.remaining()];
                finished.get(bytes);
                return bytes;
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }
    }

    private MiddleMan middle;
    private SeamcallPlatform machine;

    @BeforeEach
    void open() throws Exception {
        middle = new MiddleMan(ServerProcess.shared().socket());
        machine = new UnixSocketFactory()
                .open(PlatformConfig.builder()
                        .option(UnixSocketFactory.SOCKET, middle.socket().toString())
                        .option(UnixSocketFactory.ANSWER_TIMEOUT, TIMEOUT_MILLIS)
                        .build());
    }

    @AfterEach
    void close() throws Exception {
        machine.close();
        middle.close();
    }

    private long sysInit(SeamcallRegisters regs) {
        return machine.processor(0).seamcall(SeamcallLeaf.SYS_INIT.rax(), regs);
    }

    private void expectNotSent() {
        int before = middle.requests();
        SeamcallUnavailableException call =
                assertThrows(SeamcallUnavailableException.class, () -> sysInit(new SeamcallRegisters()));
        assertFalse(call.mayHaveBeenMade(), call::toString);
        SeamcallUnavailableException access = assertThrows(
                SeamcallUnavailableException.class, () -> machine.memory().clearPage(0));
        assertFalse(access.mayHaveBeenMade(), access::toString);
        assertEquals(before, middle.requests());
    }

    @ParameterizedTest
    @EnumSource
    void aCallWithoutAGoodAnswerMayHaveBeenMadeAndLosesTheMachine(Bad bad) {
        SeamcallRegisters regs = new SeamcallRegisters();
        regs.rdx = 1;
        regs.r8 = 2;
        SeamcallRegisters before = new SeamcallRegisters().set(regs);
        middle.spoilNext(Message.CALL, bad);
        SeamcallUnavailableException lost = assertThrows(SeamcallUnavailableException.class, () -> sysInit(regs));
        assertTrue(lost.mayHaveBeenMade(), lost::toString);
        assertEquals(before, regs, "nothing of such an answer is in the registers");
        expectNotSent();
    }

    @Test
    void aCallCannotBeRefused() {
        middle.spoilNext(Message.CALL, answer -> Bad.message(answer, new Message(Message.REFUSED).put("no")));
        SeamcallUnavailableException lost =
                assertThrows(SeamcallUnavailableException.class, () -> sysInit(new SeamcallRegisters()));
        assertTrue(lost.mayHaveBeenMade(), lost::toString);
        expectNotSent();
    }

    @ParameterizedTest
    @EnumSource
    void anAccessToMemoryWithoutAGoodAnswerLosesTheMachine(Bad bad) {
        middle.spoilNext(Message.READ, bad);
        SeamcallUnavailableException lost = assertThrows(
                SeamcallUnavailableException.class, () -> machine.memory().read64(8));
        assertTrue(lost.mayHaveBeenMade(), lost::toString);
        expectNotSent();
    }

    @ParameterizedTest
    @EnumSource
    void aMachineCannotBeOpenedWithoutAGoodAnswer(Bad bad) {
        PlatformConfig config = PlatformConfig.builder()
                .option(UnixSocketFactory.SOCKET, middle.socket().toString())
                .option(UnixSocketFactory.ANSWER_TIMEOUT, TIMEOUT_MILLIS)
                .build();
        middle.spoilNext(Message.OPEN, bad);
        assertThrows(SeamcallUnavailableException.class, () -> new UnixSocketFactory().open(config));
    }

    /** The good answer to a JOIN is only a kind. */
    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "ONLY_A_KIND")
    void aCallForWhichThereIsNoConnectionWasNotSent(Bad bad) throws Exception {
        CountDownLatch taken = new CountDownLatch(1);
        CountDownLatch over = new CountDownLatch(1);
        middle.spoilNext(Message.CALL, answer -> {
            taken.countDown();
            await(over);
            return answer;
        });
        middle.spoilNext(Message.JOIN, bad);
        ExecutorService other = Executors.newSingleThreadExecutor();
        try {
            other.execute(() -> {
                try {
                    sysInit(new SeamcallRegisters());
                } catch (SeamcallUnavailableException e) {
                    // Its own answer is held back for so long that its time may be over.
                }
            });
            await(taken);
            SeamcallUnavailableException lost =
                    assertThrows(SeamcallUnavailableException.class, () -> sysInit(new SeamcallRegisters()));
            assertFalse(lost.mayHaveBeenMade(), lost::toString);
            expectNotSent();
        } finally {
            over.countDown();
            other.shutdown();
            assertTrue(other.awaitTermination(30, TimeUnit.SECONDS));
        }
    }

    @Test
    void anAnswerThatComesTwiceIsNotTakenForTheNextOne() {
        middle.spoilNext(Message.CALL, answer -> {
            byte[] twice = Arrays.copyOf(answer, 2 * answer.length);
            System.arraycopy(answer, 0, twice, answer.length, answer.length);
            return twice;
        });
        assertEquals(0, sysInit(new SeamcallRegisters()));
        expectNotSent();
        assertEquals(REQUESTS_OF_OPEN + 1, middle.requests());
    }

    @Test
    void aLateAnswerIsNotTakenForTheNextOne() {
        ByteBuffer late = ByteBuffer.allocate(1 << 10);
        middle.spoilNext(Message.CALL, answer -> {
            late.put(answer);
            return answer;
        });
        middle.spoilNext(Message.CALL, answer -> Arrays.copyOf(late.array(), late.position()));
        assertEquals(0, sysInit(new SeamcallRegisters()));
        SeamcallUnavailableException lost =
                assertThrows(SeamcallUnavailableException.class, () -> sysInit(new SeamcallRegisters()));
        assertTrue(lost.mayHaveBeenMade(), lost::toString);
        expectNotSent();
    }

    @Test
    void anAnswerThatTheModuleIsLostSaysWhetherTheCallWasMade() {
        middle.spoilNext(Message.CALL, answer -> Bad.message(answer, new Message(Message.UNAVAILABLE).put("down")));
        middle.spoilNext(Message.CALL, answer -> Bad.message(answer, new Message(Message.NOT_MADE).put("still down")));
        SeamcallUnavailableException made =
                assertThrows(SeamcallUnavailableException.class, () -> sysInit(new SeamcallRegisters()));
        assertTrue(made.mayHaveBeenMade());
        assertEquals("down", made.getMessage());
        SeamcallUnavailableException notMade =
                assertThrows(SeamcallUnavailableException.class, () -> sysInit(new SeamcallRegisters()));
        assertFalse(notMade.mayHaveBeenMade());
        assertEquals("still down", notMade.getMessage());
        assertEquals(0, machine.memory().read64(8), "the other process is still there");
    }

    @Test
    void anInterruptedThreadGetsItsAnswerAndStaysInterrupted() {
        Thread.currentThread().interrupt();
        try {
            assertEquals(0, sysInit(new SeamcallRegisters()));
            assertTrue(Thread.currentThread().isInterrupted());
        } finally {
            Thread.interrupted();
        }
        assertTrue(TdxStatus.isError(sysInit(new SeamcallRegisters())), "and has not lost the machine for others");
    }

    @Test
    void anInterruptWhileTheAnswerIsAwaitedDoesNotEndTheWait() {
        Thread caller = Thread.currentThread();
        middle.spoilNext(Message.CALL, answer -> {
            caller.interrupt();
            pause();
            return answer;
        });
        try {
            assertEquals(0, sysInit(new SeamcallRegisters()));
            assertTrue(Thread.currentThread().isInterrupted());
        } finally {
            Thread.interrupted();
        }
    }

    private static void pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(100);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertTrue(latch.await(30, TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void closingEndsThoughThereIsNoAnswer() {
        middle.spoilNext(Message.CLOSE, Bad.NEVER);
        machine.close();
        expectNotSent();
    }
}
