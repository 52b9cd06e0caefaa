package com.example.unixsocket;

import java.io.BufferedReader;
import java.io.Closeable;
import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A {@link ModuleServer} in a process of its own, with the Java and the path of this one.
 *
 * <p><b>Thread-safety:</b> any thread may use it.
 */
final class ServerProcess implements Closeable {
    private static ServerProcess shared;

    private final Process process;
    private final Path directory;

    private ServerProcess(Process process, Path directory) {
        this.process = process;
        this.directory = directory;
    }

    /** The process for all who have not started one themselves; ends with this one. */
    static synchronized ServerProcess shared() throws IOException {
        if (shared == null || !shared.process.isAlive()) {
            shared = start();
            Runtime.getRuntime().addShutdownHook(new Thread(shared::close, "end-module-server"));
        }
        return shared;
    }

    /** Starts a process, and waits until it listens. */
    static ServerProcess start() throws IOException {
        // Short, since the path of a socket has 108 bytes at most.
        Path directory = Files.createTempDirectory("tdx");
        ServerProcess server = null;
        try {
            Process process = new ProcessBuilder(command(directory.resolve("socket")))
                    .redirectError(Redirect.INHERIT)
                    .start();
            server = new ServerProcess(process, directory);
            BufferedReader output = process.inputReader(StandardCharsets.UTF_8);
            if (output.readLine() == null) {
                throw new IOException("the other process has ended before it listened");
            }
            return server;
        } catch (IOException e) {
            if (server == null) {
                Files.delete(directory);
            } else {
                server.close();
            }
            throw e;
        }
    }

    private static List<String> command(Path socket) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        Module module = ModuleServer.class.getModule();
        if (module.isNamed()) {
            command.addAll(List.of("--module-path", System.getProperty("jdk.module.path")));
            command.addAll(List.of("-m", module.getName() + "/" + ModuleServer.class.getName()));
        } else {
            command.addAll(List.of("-cp", System.getProperty("java.class.path"), ModuleServer.class.getName()));
        }
        command.add(socket.toString());
        return command;
    }

    Path socket() {
        return directory.resolve("socket");
    }

    /** Kills the process, whatever it is doing. */
    void kill() {
        process.destroyForcibly().onExit().join();
    }

    @Override
    public void close() {
        kill();
        try {
            Files.deleteIfExists(socket());
            Files.deleteIfExists(directory);
        } catch (IOException e) {
            System.err.println("cannot clean up " + directory + ": " + e);
        }
    }
}
