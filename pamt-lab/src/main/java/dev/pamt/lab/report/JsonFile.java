package dev.pamt.lab.report;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import dev.pamt.lab.io.WholeFile;
import java.io.IOException;
import java.nio.file.Path;

/** JSON files of the lab. Stateless; any thread may use it. */
final class JsonFile {
    private JsonFile() {}

    /** Writes a file with one object, which begins with the versions of the lab and of Java. */
    static void write(Path file, String labVersion, Fields fields) throws IOException {
        WholeFile.write(file, writer -> {
            try (JsonGenerator json = JsonFactory.builder()
                    .build()
                    .createGenerator(writer)
                    .disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET)
                    .setPrettyPrinter(new DefaultPrettyPrinter())) {
                json.writeStartObject();
                json.writeStringField("lab", labVersion);
                json.writeStringField("java", Runtime.version().toString());
                fields.writeTo(json);
                json.writeEndObject();
                json.writeRaw('\n');
            }
        });
    }

    /** The fields of an object. */
    @FunctionalInterface
    interface Fields {
        void writeTo(JsonGenerator json) throws IOException;
    }
}
