package dev.pamt.seamcall;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class SeamcallUnavailableExceptionTest {
    private final Throwable cause = new IllegalStateException("gone");

    @Test
    void aCallMayHaveBeenMadeUnlessItIsSaidThatItWasNotSent() {
        assertTrue(new SeamcallUnavailableException("lost").mayHaveBeenMade());
        assertTrue(new SeamcallUnavailableException("lost", cause).mayHaveBeenMade());
        assertFalse(SeamcallUnavailableException.notSent("lost", cause).mayHaveBeenMade());
    }

    @Test
    void messageAndCauseAreKept() {
        SeamcallUnavailableException lost = new SeamcallUnavailableException("lost", cause);
        SeamcallUnavailableException notSent = SeamcallUnavailableException.notSent("not sent", cause);

        assertEquals("lost", lost.getMessage());
        assertSame(cause, lost.getCause());
        assertEquals("not sent", notSent.getMessage());
        assertSame(cause, notSent.getCause());
        assertNull(new SeamcallUnavailableException("lost").getCause());
    }
}
