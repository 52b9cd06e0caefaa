package dev.pamt.impl.host;

import dev.pamt.api.MemoryMap;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** Memory maps of real servers, from public boot logs. */
final class Servers {
    static final String TDX_1TB = "tdx-1tb";
    static final String TDX_256GB_MANY_HOLES = "tdx-256gb-many-holes";
    static final String SERVER_768GB = "server-768gb";

    private Servers() {}

    static MemoryMap map(String name) {
        String resource = "/hosts/" + name + ".dmesg";
        try (InputStream in = MemoryMap.class.getResourceAsStream(resource)) {
            return MemoryMap.parse(
                    new String(in.readAllBytes(), StandardCharsets.UTF_8)
                            .lines()
                            .toList(),
                    resource);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
