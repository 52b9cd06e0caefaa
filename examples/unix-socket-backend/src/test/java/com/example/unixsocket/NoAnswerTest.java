package com.example.unixsocket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtStats;
import dev.pamt.api.RegionState;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallUnavailableException;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A manager whose module does not answer: no call waits longer than the time-out. */
@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class NoAnswerTest {
    private static final int PAIRS_PER_CHUNK = 256;
    private static final long REGION_BYTES = 2L << 20;
    private static final String TIMEOUT_MILLIS = "3000";
    private static final int KIND = 12;

    private MiddleMan middle;
    private PamtManager manager;
    private long backed;
    private long other;

    @BeforeEach
    void start() throws Exception {
        middle = new MiddleMan(ServerProcess.shared().socket());
        MemoryMap memory = MemoryMap.synthetic();
        SeamcallPlatform machine = new UnixSocketFactory()
                .open(PlatformConfig.builder()
                        .cmrs(memory.cmrs())
                        .option(UnixSocketFactory.SOCKET, middle.socket().toString())
                        .option(UnixSocketFactory.ANSWER_TIMEOUT, TIMEOUT_MILLIS)
                        .build());
        manager = PamtManager.builder().platform(machine).memory(memory).build();
        long page = manager.allocPage();
        backed = (page & -REGION_BYTES) - 50 * REGION_BYTES;
        other = backed - REGION_BYTES;
        manager.get(backed);
    }

    @AfterEach
    void stop() throws Exception {
        middle.close();
    }

    @Test
    void aPutEndsThoughHalfAnAnswerHasCome() {
        putWithRemoveAnswered(answer -> Arrays.copyOf(answer, answer.length / 2));
    }

    @Test
    void aPutDoesNotTakeAnUnknownAnswerForASuccess() {
        putWithRemoveAnswered(answer -> {
            answer[KIND] = 77;
            return answer;
        });
    }

    private void putWithRemoveAnswered(MiddleMan.Spoiling spoiling) {
        middle.spoilNextCall(SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax(), spoiling);
        manager.put(backed);
        PamtStats after = manager.stats();
        assertEquals(1, after.pairs().lost(), "the pair of the region whose REMOVE was not answered");
        assertEquals(1, after.pairs().installed(), "the pair of the page that was allocated");
        assertEquals(
                PAIRS_PER_CHUNK * after.pages().donorChunks(),
                after.pairs().spare()
                        + after.pairs().installed()
                        + after.pairs().lost(),
                "every other pair is where it was");
        SeamcallUnavailableException later = assertThrows(SeamcallUnavailableException.class, () -> manager.get(other));
        assertFalse(later.mayHaveBeenMade(), later::toString);
    }

    @Test
    void afterAPutWithoutAnswerTheRegionIsUnknownAndNoFurtherPairIsLost() {
        aPutEndsThoughHalfAnAnswerHasCome();
        assertEquals(RegionState.Kind.UNKNOWN, manager.state(backed).kind());
        assertEquals(RegionState.Kind.EMPTY, manager.state(other).kind());
        assertEquals(1, manager.stats().pairs().lost(), "no pair is lost by a call that was not sent");
    }

    @Test
    void aGetEndsThoughNoAnswerComes() {
        middle.spoilNextCall(SeamcallLeaf.PHYMEM_PAMT_ADD.rax(), answer -> new byte[0]);
        assertThrows(SeamcallUnavailableException.class, () -> manager.get(other));
        assertEquals(1, manager.stats().pairs().lost());
    }

    @Test
    void afterAGetWithoutAnswerTheRegionIsUnknown() {
        aGetEndsThoughNoAnswerComes();
        assertEquals(RegionState.Kind.UNKNOWN, manager.state(other).kind());
    }
}
