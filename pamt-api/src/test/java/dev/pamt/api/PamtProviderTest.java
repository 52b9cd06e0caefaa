package dev.pamt.api;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.api.spi.PamtProvider;
import org.junit.jupiter.api.Test;

/** The API alone has no implementation; with one, what it gives is tested there. */
class PamtProviderTest {
    @Test
    void withoutAnImplementationTheMessageSaysWhichDependencyIsMissing() {
        IllegalStateException none = assertThrows(IllegalStateException.class, PamtProvider::load);
        assertEquals(
                "no implementation of dev.pamt.api was found; add dev.pamt:pamt-impl to the dependencies",
                none.getMessage());
    }
}
