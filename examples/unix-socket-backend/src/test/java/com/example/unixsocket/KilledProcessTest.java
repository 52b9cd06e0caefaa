package com.example.unixsocket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtStats;
import dev.pamt.api.RegionState;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The other process dies while a call is on its way. */
class KilledProcessTest {
    private static final int PAIRS_PER_CHUNK = 256;

    /** An ADD takes a second: time enough to be killed in it. */
    private static final String SLOW_ADD = "PHYMEM_PAMT_ADD=1000000000";

    private final ExecutorService caller = Executors.newSingleThreadExecutor();
    private ServerProcess process;
    private SeamcallPlatform machine;
    private PamtManager manager;

    @BeforeEach
    void start() throws Exception {
        process = ServerProcess.start();
        MemoryMap memory = MemoryMap.synthetic();
        machine = new UnixSocketFactory()
                .open(PlatformConfig.builder()
                        .cmrs(memory.cmrs())
                        .option(UnixSocketFactory.SOCKET, process.socket().toString())
                        .option("latency-ns", SLOW_ADD)
                        .build());
        manager = PamtManager.builder().platform(machine).memory(memory).build();
    }

    @AfterEach
    void stop() {
        caller.shutdownNow();
        process.close();
    }

    @Test
    void theManagerSaysSoAndLosesNoPageThatItCouldKnowOf() throws Exception {
        long backed = manager.allocPage();
        long target = regionBelow(backed);

        CountDownLatch calling = new CountDownLatch(1);
        Future<?> get = caller.submit(() -> {
            calling.countDown();
            manager.get(target);
        });
        calling.await();
        TimeUnit.MILLISECONDS.sleep(200);
        process.kill();
        ExecutionException failed = assertThrows(ExecutionException.class, get::get);
        assertTrue(failed.getCause() instanceof SeamcallUnavailableException, failed::toString);

        PamtStats after = manager.stats();
        assertEquals(1, after.pairs().lost(), "the pair in the call: it is unknown whose it is");
        assertEquals(RegionState.Kind.UNKNOWN, manager.state(target).kind());
        assertEquals(1, after.pairs().installed(), "the pair of the region that was backed before");
        assertEquals(
                PAIRS_PER_CHUNK * after.pages().donorChunks(),
                after.pairs().spare()
                        + after.pairs().installed()
                        + after.pairs().lost(),
                "every other pair is where it was");
        SeamcallUnavailableException later =
                assertThrows(SeamcallUnavailableException.class, () -> manager.get(target));
        assertFalse(later.mayHaveBeenMade(), later::toString);
        assertEquals(1, manager.stats().pairs().lost(), "no pair is lost by a call that was not sent");
    }

    @Test
    void aCallToAProcessThatIsGoneAlreadyWasNotSent() {
        assertEquals(0, machine.memory().read64(8));
        process.kill();
        SeamcallUnavailableException first = assertThrows(SeamcallUnavailableException.class, () -> machine.processor(0)
                .seamcall(SeamcallLeaf.SYS_RD.rax(), new SeamcallRegisters()));
        assertFalse(first.mayHaveBeenMade(), first::toString);
        SeamcallUnavailableException access = assertThrows(
                SeamcallUnavailableException.class, () -> machine.memory().write64(8, 1));
        assertFalse(access.mayHaveBeenMade(), access::toString);
    }

    private static long regionBelow(long page) {
        long regionBytes = 2L << 20;
        return (page & -regionBytes) - 50 * regionBytes;
    }
}
