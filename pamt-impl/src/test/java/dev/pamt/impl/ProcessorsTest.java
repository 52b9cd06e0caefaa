package dev.pamt.impl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallProvider;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Which processor a transition is made on. */
class ProcessorsTest {
    private final Rig rig = new Rig();

    @AfterEach
    void close() {
        rig.close();
    }

    @Test
    void aThreadHasAlwaysTheSameProcessorUnlessTheUserChooses() {
        Processors processors = new Processors(rig.host.platform(), null);
        assertSame(processors.current(), processors.current());
        int[] choice = new int[1];
        Processors chosen = new Processors(rig.host.platform(), () -> choice[0]);
        for (int processor = 0; processor < 2; processor++) {
            choice[0] = processor;
            assertSame(
                    rig.host.platform().processor(processor), chosen.current().provider());
        }
    }

    @Test
    void aProcessorThatIsNotThereIsRefused() {
        for (int choice : new int[] {-1, 2}) {
            Processors processors = new Processors(rig.host.platform(), () -> choice);
            assertEquals(
                    "the choice of processors returned " + choice + "; the platform has processors 0 to 1",
                    assertThrows(IndexOutOfBoundsException.class, processors::current)
                            .getMessage());
        }
    }

    @Test
    void aTransitionIsOfTheRegionThatItsAddressLiesIn() {
        RegionTable table = new RegionTable(TestHost.MAP.ram());
        Region region = table.region(TestHost.REGION + 0x5000);
        Processors processors = new Processors(rig.host.platform(), () -> 1);
        Transition transition = processors.begin(region, TestHost.REGION + 0x5000);
        assertSame(region, transition.region);
        assertEquals(TestHost.REGION, region.hpa);
        assertEquals(TestHost.REGION + 0x5000, transition.hpa);
        assertSame(rig.host.platform().processor(1), transition.seamcalls.provider());
    }

    @Test
    void aChoiceIsAskedThoughThereIsOneProcessorOnly() {
        try (TdxHost single = TestHost.direct(PlatformConfig.builder().processors(1))) {
            Processors processors = new Processors(single.platform(), () -> 1);
            assertThrows(IndexOutOfBoundsException.class, processors::current);
            assertSame(
                    single.platform().processor(0),
                    new Processors(single.platform(), null).current().provider());
        }
    }

    @Test
    void threadsAreSpreadOverTheProcessors() throws InterruptedException {
        Processors processors = new Processors(rig.host.platform(), null);
        Set<SeamcallProvider> used = ConcurrentHashMap.newKeySet();
        for (int number = 0; number < 64; number++) {
            Thread thread = new Thread(() -> used.add(processors.current().provider()));
            thread.start();
            thread.join();
        }
        assertEquals(2, used.size());
    }
}
