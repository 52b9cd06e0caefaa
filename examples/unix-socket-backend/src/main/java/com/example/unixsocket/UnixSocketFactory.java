package com.example.unixsocket;

import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.SeamcallUnavailableException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/**
 * The backend {@code unix-socket}: a machine in another process.
 *
 * <p>The option {@code socket} is the path of the socket that a {@link ModuleServer} listens at. Without it, such a process is
 * started, and ends with this one. All other options are the other process's.
 *
 * <p><b>Thread-safety:</b> stateless; any thread may use it.
 */
public final class UnixSocketFactory implements SeamcallProviderFactory {
    /** The option that names the socket. */
    public static final String SOCKET = "socket";

    /** Makes the factory. */
    public UnixSocketFactory() {}

    @Override
    public String name() {
        return "unix-socket";
    }

    @Override
    public String description() {
        return "a TDX module in another process, reached through a Unix-domain socket";
    }

    @Override
    public SeamcallPlatform open(PlatformConfig config) {
        try {
            String socket = config.options().get(SOCKET);
            return RemotePlatform.open(
                    socket == null ? ServerProcess.shared().socket() : Path.of(socket), withoutSocket(config));
        } catch (IOException e) {
            throw new SeamcallUnavailableException("cannot reach the other process: " + e, e);
        }
    }

    private static PlatformConfig withoutSocket(PlatformConfig config) {
        PlatformConfig.Builder rest = PlatformConfig.builder()
                .cmrs(config.cmrs())
                .processors(config.processors())
                .packages(config.packages());
        for (Map.Entry<String, String> option : config.options().entrySet()) {
            if (!option.getKey().equals(SOCKET)) {
                rest.option(option.getKey(), option.getValue());
            }
        }
        return rest.build();
    }
}
