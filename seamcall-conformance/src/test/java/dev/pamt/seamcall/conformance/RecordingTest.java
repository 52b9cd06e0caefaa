package dev.pamt.seamcall.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RecordingTest {
    @TempDir
    private Path directory;

    private Path write(String name, String content) throws IOException {
        return Files.writeString(directory.resolve(name), content);
    }

    private String refusal(String content) throws IOException {
        Path file = write("bad.jsonl", content);
        return assertThrows(IOException.class, () -> Recording.read(file)).getMessage();
    }

    @Test
    void aRecordingIsItsLinesPackedOrNot() throws Exception {
        String lines = "{\"header\": 1, \"bring_up\": false}\n{\"note\": \"é\"}\n";
        Recording plain = Recording.read(write("a.jsonl", lines));
        Path packed = directory.resolve("b.jsonl.gz");
        try (Writer out =
                new OutputStreamWriter(new GZIPOutputStream(Files.newOutputStream(packed)), StandardCharsets.UTF_8)) {
            out.write(lines);
        }
        assertEquals("a.jsonl", plain.name());
        assertEquals("a.jsonl", plain.toString());
        for (Recording recording : List.of(plain, Recording.read(packed))) {
            Line.Note note = assertInstanceOf(Line.Note.class, recording.lines().get(0));
            assertEquals(1, recording.lines().size(), "the header is apart");
            assertEquals("é", note.text());
            assertEquals(2, note.place().number());
            assertNull(recording.header().bringUp());
        }
    }

    @Test
    void aFirstLineThatIsNoHeaderIsNone() throws Exception {
        assertNull(Recording.read(write("a.jsonl", "{\"note\": 1}\n{\"header\": 1}"))
                .header());
    }

    @Test
    void aDirectoryIsReadInTheOrderOfItsNamesAndWithoutOtherFiles() throws Exception {
        write("b.jsonl", "{}");
        write("a.jsonl", "{}");
        write("a.json", "no recording");
        Files.createDirectory(directory.resolve("c.jsonl"));
        assertEquals(
                List.of("a.jsonl", "b.jsonl"),
                Recording.readAll(directory).stream().map(Recording::name).toList());
        assertEquals(
                List.of("b.jsonl"),
                Recording.readAll(directory.resolve("b.jsonl")).stream()
                        .map(Recording::name)
                        .toList());
    }

    @Test
    void aDirectoryWithoutRecordingsIsRefused() {
        assertEquals(
                directory + " has no .jsonl and no .jsonl.gz file",
                assertThrows(IOException.class, () -> Recording.readAll(directory))
                        .getMessage());
    }

    @Test
    void whatIsNoRecordingIsRefusedWithTheLine() throws Exception {
        assertEquals("bad.jsonl is empty", refusal(""));
        assertEquals("bad.jsonl, line 2 cannot be understood: no JSON object", refusal("{}\n[]"));
        assertEquals("bad.jsonl, line 1 cannot be understood: no JSON value in a line", refusal("\n{}"));
        assertEquals("bad.jsonl, line 1 cannot be understood: more than one JSON value in a line", refusal("{} {}"));
        assertEquals("bad.jsonl, line 1 cannot be understood: field 'platform' is missing", refusal("{\"header\": 1}"));
        assertEquals(
                "bad.jsonl, line 2 cannot be understood: field 'rcx' is missing",
                refusal("{\"header\": 1, \"bring_up\": false}\n{\"leaf\": \"x\", \"leaf_no\": 7, \"in\": {}}"));
    }

    @Test
    void aRecordingOfRacesHasALineWithTwoPrograms() {
        String header = "{'header': 1, 'bring_up': false}";
        Recording races = Recordings.read(directory, header, Recordings.race("b"), Recordings.race("a"));
        assertTrue(races.isLitmus());
        assertEquals(List.of("b", "a"), races.litmusNames());
        assertFalse(Recordings.read(directory, header, "{'t1': []}").isLitmus());
        assertFalse(Recordings.read(directory, header, "{'t2': []}").isLitmus());
    }

    @Test
    void anUnknownNameIsRefused() {
        assertEquals(
                "no recording is named 'none'",
                assertThrows(IllegalArgumentException.class, () -> Recording.shipped("none"))
                        .getMessage());
    }
}
