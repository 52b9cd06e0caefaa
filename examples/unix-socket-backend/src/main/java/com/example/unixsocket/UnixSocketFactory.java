package com.example.unixsocket;

import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.SeamcallUnavailableException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;

/**
 * The backend {@code unix-socket}: a machine in another process.
 *
 * <p>The option {@code socket} is the path of the socket that a {@link ModuleServer} listens at. Without it, such a process is
 * started, and ends with this one. The option {@code answer-timeout-ms} says how long a call may take, 10000 by default: a
 * machine from which there is no whole answer by then is lost. All other options are the other process's.
 *
 * <p><b>Thread-safety:</b> stateless; any thread may use it.
 */
public final class UnixSocketFactory implements SeamcallProviderFactory {
    /** The option that names the socket. */
    public static final String SOCKET = "socket";

    /** The option that says within how many milliseconds each call must be answered: 1 to 2147483647. */
    public static final String ANSWER_TIMEOUT = "answer-timeout-ms";

    private static final int DEFAULT_TIMEOUT_MILLIS = 10_000;
    private static final Set<String> OWN = Set.of(SOCKET, ANSWER_TIMEOUT);

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
        int timeoutMillis = timeoutMillis(config);
        try {
            String socket = config.options().get(SOCKET);
            return RemotePlatform.open(
                    socket == null ? ServerProcess.shared().socket() : Path.of(socket),
                    withoutOwn(config),
                    timeoutMillis);
        } catch (IOException e) {
            throw new SeamcallUnavailableException("cannot reach the other process: " + e, e);
        }
    }

    private static int timeoutMillis(PlatformConfig config) {
        String text = config.options().get(ANSWER_TIMEOUT);
        if (text == null) {
            return DEFAULT_TIMEOUT_MILLIS;
        }
        try {
            int millis = Integer.parseInt(text);
            if (millis > 0) {
                return millis;
            }
        } catch (NumberFormatException e) {
            // Refused below, as a number that is too small.
        }
        throw new IllegalArgumentException(
                ANSWER_TIMEOUT + " is a number of milliseconds from 1 to " + Integer.MAX_VALUE + ", not " + text);
    }

    private static PlatformConfig withoutOwn(PlatformConfig config) {
        PlatformConfig.Builder rest = PlatformConfig.builder()
                .cmrs(config.cmrs())
                .processors(config.processors())
                .packages(config.packages());
        for (Map.Entry<String, String> option : config.options().entrySet()) {
            if (!OWN.contains(option.getKey())) {
                rest.option(option.getKey(), option.getValue());
            }
        }
        return rest.build();
    }
}
