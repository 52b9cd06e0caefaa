package com.example.unixsocket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.conformance.Conformance;
import dev.pamt.seamcall.conformance.Litmus;
import dev.pamt.seamcall.conformance.Recording;
import dev.pamt.seamcall.conformance.ReplayResult;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** This backend answers as the real module was recorded to; {@code ./lab conformance} replays all recordings. */
class UnixSocketConformanceTest {
    @ParameterizedTest
    @ValueSource(strings = {"add_04_maxpa48_hkid44", "rnd_01_tiny", "rnd_07_td_small", "sysconfig_01_tdmr_checks"})
    void answersAsRecorded(String recording) {
        ReplayResult result = Conformance.of(new UnixSocketFactory()::open).replay(Recording.shipped(recording));
        assertEquals(List.of(), result.differences());
        assertTrue(result.calls() > 0);
    }

    @Test
    void racesComeOutAsRecorded() throws Exception {
        Litmus.Result race = Litmus.of(new UnixSocketFactory()::open, 20, 1)
                .run(Recording.shippedLitmus(), "create_create_same_hkid");
        assertEquals(Map.of(), race.outside());
    }

    @Test
    void isFoundByItsName() {
        assertTrue(SeamcallProviderFactory.named("unix-socket") instanceof UnixSocketFactory);
    }

    @Test
    void whatTheOtherProcessRefusesIsRefused() {
        PlatformConfig config =
                PlatformConfig.builder().option("no-such-option", "1").build();
        IllegalArgumentException refused =
                assertThrows(IllegalArgumentException.class, () -> new UnixSocketFactory().open(config));
        assertTrue(refused.getMessage().contains("no-such-option"), refused::getMessage);
        try (SeamcallPlatform machine =
                new UnixSocketFactory().open(PlatformConfig.builder().build())) {
            assertThrows(IllegalArgumentException.class, () -> machine.memory().read64(1));
            assertEquals(0, machine.memory().read64(8), "and it goes on afterwards");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "-1", "2147483648", "ten"})
    void aTimeoutIsAPositiveNumberOfMilliseconds(String timeout) {
        PlatformConfig config = PlatformConfig.builder()
                .option(UnixSocketFactory.ANSWER_TIMEOUT, timeout)
                .build();
        IllegalArgumentException refused =
                assertThrows(IllegalArgumentException.class, () -> new UnixSocketFactory().open(config));
        assertTrue(refused.getMessage().contains(UnixSocketFactory.ANSWER_TIMEOUT), refused::getMessage);
    }
}
