package dev.pamt.impl;

import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.anyString;
import static org.mockito.Mockito.doThrow;
import static org.mockito.Mockito.mock;
import static org.mockito.Mockito.times;
import static org.mockito.Mockito.verify;
import static org.mockito.Mockito.verifyNoMoreInteractions;

import dev.pamt.seamcall.TdxStatus;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;

/** One line a second, and how many were left out; a logger that fails is no one's trouble. */
class RateLimitedLogTest {
    private static final long INTERVAL_MILLIS = 1_100;

    private final Logger logger = mock(Logger.class);
    private final RateLimitedLog log = new RateLimitedLog(logger);

    @Test
    void theFirstLineOfASecondIsLoggedAndTheNextOneSaysHowManyWereLeftOut() throws InterruptedException {
        log.warn("page 0x%x: %s", 0x1000, "the first");
        log.warn("page 0x%x: %s", 0x2000, "the second");
        log.warnOfStatus("page 0x%x: %s", 0x3000, TdxStatus.PAGE_NOT_FREE.code());
        verify(logger).warn("page 0x1000: the first", (Throwable) null);
        verifyNoMoreInteractions(logger);
        Thread.sleep(INTERVAL_MILLIS);
        long status = TdxStatus.PAGE_NOT_FREE.code();
        log.warnOfStatus("page 0x%x: %s", 0x4000, status);
        verify(logger)
                .warn("page 0x4000: " + TdxStatus.toString(status) + " (2 such lines were left out before)", (Throwable)
                        null);
        verifyNoMoreInteractions(logger);
    }

    @Test
    void aFailureIsLoggedWithItsTrace() {
        IllegalStateException failure = new IllegalStateException("a fault");
        log.warn("page 0x%x: %s", 0x1000, failure);
        verify(logger).warn("page 0x1000: " + failure, failure);
    }

    @Test
    void aLineThatCannotBeLoggedIsLeftOut() throws InterruptedException {
        doThrow(new UnsupportedOperationException("a fault of the logger"))
                .doNothing()
                .when(logger)
                .warn(anyString(), (Throwable) any());
        log.warn("page 0x%x: %s", 0x1000, "dropped");
        Thread.sleep(INTERVAL_MILLIS);
        log.warn("page 0x%x: %s", 0x2000, "logged");
        verify(logger).warn("page 0x2000: logged (1 such lines were left out before)", (Throwable) null);
        verify(logger, times(2)).warn(anyString(), (Throwable) any());
    }
}
