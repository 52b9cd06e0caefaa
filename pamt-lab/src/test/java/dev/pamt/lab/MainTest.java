package dev.pamt.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class MainTest {
    @Test
    void aloneItPrintsHelp() {
        LabRun run = LabRun.of();
        assertEquals(0, run.exitCode());
        assertTrue(run.out().contains("Usage: lab"), run::out);
        assertTrue(run.out().contains("storm"), run::out);
        assertEquals("", run.err());
    }

    @Test
    void anUnknownCommandSuggestsTheNearOne() {
        LabRun run = LabRun.of("strom");
        assertEquals(2, run.exitCode());
        assertTrue(run.err().contains("Did you mean: lab storm?"), run::err);
    }

    @Test
    void itTellsItsVersion() {
        LabRun run = LabRun.of("--version");
        assertEquals(0, run.exitCode());
        assertTrue(run.out().startsWith("lab "), run::out);
    }
}
