package dev.pamt.seamcall.emulator.replay;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;

/**
 * One recorded run of the real module: JSON objects, one a line.
 *
 * @param name the name of the file
 * @param lines the objects, the header first where there is one
 */
record Recording(String name, List<JsonNode> lines) {
    private static final ObjectMapper MAPPER = new ObjectMapper();

    static Recording load(String name) {
        try (InputStream file = Recording.class.getResourceAsStream("/vectors/" + name + ".jsonl.gz");
                BufferedReader reader =
                        new BufferedReader(new InputStreamReader(new GZIPInputStream(file), StandardCharsets.UTF_8))) {
            List<JsonNode> lines = new ArrayList<>();
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                lines.add(MAPPER.readTree(line));
            }
            return new Recording(name, lines);
        } catch (IOException e) {
            throw new IllegalStateException("cannot read the recording " + name, e);
        }
    }

    JsonNode header() {
        return lines.get(0);
    }

    List<JsonNode> body() {
        return lines.subList(1, lines.size());
    }

    /** A number as recordings write it: hexadecimal text or a JSON number. */
    static long number(JsonNode node) {
        return node.isTextual() ? Long.parseUnsignedLong(node.textValue().substring(2), 16) : node.longValue();
    }
}
