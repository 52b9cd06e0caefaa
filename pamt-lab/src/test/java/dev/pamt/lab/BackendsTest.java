package dev.pamt.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.seamcall.SeamcallProviderFactory;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Two backends are on the class path here: the emulator, and one of these tests. */
class BackendsTest {
    @Test
    void backendsAreFoundInTheOrderOfTheirNames() {
        assertEquals(
                List.of("emulator", "leaky"),
                SeamcallProviderFactory.all().stream()
                        .map(SeamcallProviderFactory::name)
                        .toList());
    }

    @Test
    void aBackendIsFoundByItsName() {
        assertEquals("emulator", SeamcallProviderFactory.named("emulator").name());
        assertEquals("leaky", SeamcallProviderFactory.named("leaky").name());
    }

    @Test
    void anAbsentBackendIsRefusedWithAListOfThoseThatThereAre() {
        IllegalArgumentException refused =
                assertThrows(IllegalArgumentException.class, () -> SeamcallProviderFactory.named("absent"));
        assertEquals("no SEAMCALL backend is named 'absent'; there is emulator, leaky", refused.getMessage());
    }
}
