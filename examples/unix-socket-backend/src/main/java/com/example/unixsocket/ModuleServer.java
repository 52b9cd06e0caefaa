package com.example.unixsocket;

import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The other process: machines with emulated modules, a thread for each connection.
 *
 * <p>Ends with its standard input, hence with the process that has started it.
 */
public final class ModuleServer {
    private final SeamcallProviderFactory backend = SeamcallProviderFactory.named("emulator");
    private final Map<Long, SeamcallPlatform> machines = new ConcurrentHashMap<>();
    private final AtomicLong ids = new AtomicLong();

    private ModuleServer() {}

    /**
     * Serves until standard input ends.
     *
     * @param args the path of the socket, which must not exist yet
     * @throws IOException if the socket cannot be made
     */
    public static void main(String[] args) throws IOException {
        if (args.length != 1) {
            System.err.println("usage: ModuleServer <path of the socket>");
            System.exit(2);
        }
        ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(Path.of(args[0])));
        System.out.println("listening at " + args[0]);
        ModuleServer machines = new ModuleServer();
        daemon("accept", () -> machines.accept(server));
        while (System.in.read() >= 0) {
            // Nobody says anything.
        }
        System.exit(0);
    }

    private static void daemon(String name, Runnable task) {
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
    }

    private void accept(ServerSocketChannel server) {
        try {
            while (true) {
                SocketChannel connection = server.accept();
                daemon("connection", () -> serve(connection));
            }
        } catch (IOException e) {
            System.err.println("no more connections: " + e);
        }
    }

    private void serve(SocketChannel connection) {
        try (Wire wire = new Wire(connection)) {
            SeamcallPlatform machine = null;
            while (true) {
                int kind = wire.in.readByte();
                switch (kind) {
                    case Wire.OPEN -> machine = open(wire);
                    case Wire.JOIN -> machine = join(wire);
                    default -> answer(wire, kind, machine);
                }
                wire.out.flush();
            }
        } catch (EOFException | ClosedChannelException e) {
            // The other side has closed the connection: so it ends.
        } catch (IOException e) {
            System.err.println("a connection broke: " + e);
        }
    }

    private SeamcallPlatform open(Wire wire) throws IOException {
        SeamcallPlatform machine;
        try {
            machine = backend.open(wire.readConfig());
        } catch (IllegalArgumentException e) {
            fail(wire, Wire.REFUSED, e);
            return null;
        }
        long id = ids.incrementAndGet();
        machines.put(id, machine);
        wire.out.writeByte(Wire.OK);
        wire.out.writeLong(id);
        wire.out.writeInt(machine.processors());
        wire.out.writeInt(machine.packages());
        for (int i = 0; i < machine.processors(); i++) {
            wire.out.writeInt(machine.packageOf(i));
        }
        wire.out.writeInt(machine.firstPrivateHkid());
        wire.out.writeInt(machine.privateHkids());
        return machine;
    }

    private SeamcallPlatform join(Wire wire) throws IOException {
        SeamcallPlatform machine = machines.get(wire.in.readLong());
        if (machine == null) {
            fail(wire, Wire.UNAVAILABLE, new SeamcallUnavailableException("there is no such machine any more"));
        } else {
            wire.out.writeByte(Wire.OK);
        }
        return machine;
    }

    private void answer(Wire wire, int kind, SeamcallPlatform machine) throws IOException {
        if (machine == null) {
            throw new IOException("a request without a machine");
        }
        switch (kind) {
            case Wire.CALL -> call(wire, machine);
            case Wire.READ, Wire.WRITE, Wire.CLEAR -> access(wire, kind, machine);
            case Wire.CLOSE -> {
                machine.close();
                machines.values().remove(machine);
                wire.out.writeByte(Wire.OK);
            }
            default -> throw new IOException("a request of unknown kind " + kind);
        }
    }

    private static void call(Wire wire, SeamcallPlatform machine) throws IOException {
        int processor = wire.in.readInt();
        long rax = wire.in.readLong();
        SeamcallRegisters regs = new SeamcallRegisters();
        wire.read(regs);
        long status;
        try {
            status = machine.processor(processor).seamcall(rax, regs);
        } catch (SeamcallUnavailableException e) {
            fail(wire, Wire.UNAVAILABLE, e);
            return;
        }
        wire.out.writeByte(Wire.OK);
        wire.out.writeLong(status);
        wire.write(regs);
    }

    private static void access(Wire wire, int kind, SeamcallPlatform machine) throws IOException {
        long hpa = wire.in.readLong();
        long value = wire.in.readLong();
        long answer = 0;
        try {
            switch (kind) {
                case Wire.READ -> answer = machine.memory().read64(hpa);
                case Wire.WRITE -> machine.memory().write64(hpa, value);
                default -> machine.memory().clearPage(hpa);
            }
        } catch (IllegalArgumentException e) {
            fail(wire, Wire.REFUSED, e);
            return;
        }
        wire.out.writeByte(Wire.OK);
        wire.out.writeLong(answer);
    }

    private static void fail(Wire wire, int kind, RuntimeException failure) throws IOException {
        wire.out.writeByte(kind);
        wire.out.writeUTF(String.valueOf(failure.getMessage()));
    }
}
