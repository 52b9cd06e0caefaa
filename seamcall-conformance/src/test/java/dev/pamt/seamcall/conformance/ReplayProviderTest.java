package dev.pamt.seamcall.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.conformance.ReplayProvider.Order;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReplayProviderTest {
    private static final long A = 0x102000000L;
    private static final long B = 0x102200000L;

    @TempDir
    private Path directory;

    /** A trace of: ADD of A is busy, ADD of A succeeds, REMOVE of A returns its pair. */
    private Recording trace() throws Exception {
        Path file = directory.resolve("trace.jsonl");
        int[] calls = {0};
        try (Tracing tracing = Tracing.open(file)) {
            Seamcalls traced = new Seamcalls(tracing.decorate(
                    (rax, regs) -> {
                        calls[0]++;
                        if (calls[0] == 3) {
                            regs.rdx = 0x102800000L;
                            regs.r8 = 0x102801000L;
                        }
                        return calls[0] == 1 ? TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX) : 0;
                    },
                    0));
            play(traced);
        }
        return Recording.read(file);
    }

    private static void play(Seamcalls calls) {
        SeamcallRegisters regs = new SeamcallRegisters();
        assertEquals(TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX), calls.pamtAdd(regs, A, 0x102800000L, 0x102801000L));
        assertEquals(0, calls.pamtAdd(regs.clear(), A, 0x102800000L, 0x102801000L));
        assertEquals(0, calls.pamtRemove(regs.clear(), A));
        assertEquals(0x102800000L, regs.rdx);
        assertEquals(0x102801000L, regs.r8);
    }

    @Test
    void aTraceAnswersTheSameCallsInTheSameWay() throws Exception {
        ReplayProvider replay = ReplayProvider.of(trace(), Order.AS_RECORDED);
        play(new Seamcalls(replay));
        assertEquals(0, replay.remaining());
        SeamcallUnavailableException refused = assertThrows(
                SeamcallUnavailableException.class, () -> new Seamcalls(replay).sysInit(new SeamcallRegisters()));
        assertEquals(
                "recording trace.jsonl has no answer to a call with rax=0x21 all 0; it is at its end",
                refused.getMessage());
    }

    @Test
    void anotherCallThanTheNextOneIsRefused() throws Exception {
        ReplayProvider replay = ReplayProvider.of(trace(), Order.AS_RECORDED);
        SeamcallUnavailableException refused = assertThrows(
                SeamcallUnavailableException.class, () -> new Seamcalls(replay).pamtRemove(new SeamcallRegisters(), A));
        assertEquals(
                "recording trace.jsonl has no answer to a call with rax=0x3b rcx=0x102000001; next is TDH.PHYMEM.PAMT.ADD"
                        + " with rcx=0x102000001 rdx=0x102800000 r8=0x102801000",
                refused.getMessage());
        assertEquals(3, replay.remaining());
    }

    @Test
    void aCallWithOtherInputsOrOfAnotherVersionIsRefused() throws Exception {
        ReplayProvider replay = ReplayProvider.of(trace(), Order.ANY);
        SeamcallRegisters regs = new SeamcallRegisters();
        regs.r15 = 1;
        assertThrows(SeamcallUnavailableException.class, () -> new Seamcalls(replay).pamtRemove(regs, A));
        regs.clear().rcx = 0x102000001L;
        assertThrows(SeamcallUnavailableException.class, () -> replay.seamcall(0x1_003b, regs));
        assertEquals(3, replay.remaining());
        assertEquals(0, replay.seamcall(0x3b, regs));
        assertEquals(2, replay.remaining());
    }

    @Test
    void inAnyOrderACallIsAnsweredByTheFirstOfItsKind() throws Exception {
        SeamcallProvider replay = ReplayProvider.of(trace(), Order.ANY);
        SeamcallRegisters regs = new SeamcallRegisters();
        assertEquals(0, new Seamcalls(replay).pamtRemove(regs, A));
        assertEquals(
                TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX),
                new Seamcalls(replay).pamtAdd(regs.clear(), A, 0x102800000L, 0x102801000L));
        assertThrows(SeamcallUnavailableException.class, () -> new Seamcalls(replay).pamtRemove(regs.clear(), B));
    }

    @Test
    void aRecordingOfTheRealModuleAnswersToo() {
        ReplayProvider real = ReplayProvider.of(Recording.shipped("sysrd_01_pamt_fields"), Order.ANY);
        assertEquals(12, real.remaining());
        IllegalArgumentException refused = assertThrows(
                IllegalArgumentException.class,
                () -> ReplayProvider.of(Recording.shipped("sysconfig_01_tdmr_checks"), Order.ANY));
        assertEquals("sysconfig_01_tdmr_checks.jsonl.gz has no header", refused.getMessage());
    }
}
