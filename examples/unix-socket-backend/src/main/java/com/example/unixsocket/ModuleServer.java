package com.example.unixsocket;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import java.io.IOException;
import java.net.ProtocolException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The other process: machines with emulated modules, a thread for each connection.
 *
 * <p>A request that is not one from its first byte to its last is neither carried out nor answered: its connection is closed.
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
            // No message has come.
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
            for (Received request = wire.nextRequest(); request != null; request = wire.nextRequest()) {
                if (machine == null) {
                    machine = begin(wire, request);
                } else {
                    wire.answer(answer(request, machine));
                }
            }
        } catch (IOException e) {
            System.err.println("a connection broke: " + e);
        }
    }

    /** The first request of a connection says which machine the others are for. */
    private SeamcallPlatform begin(Wire wire, Received request) throws IOException {
        return switch (request.kind()) {
            case Message.OPEN -> open(wire, request);
            case Message.JOIN -> join(wire, request);
            default -> throw new ProtocolException("a request of kind " + request.kind() + " without a machine");
        };
    }

    private SeamcallPlatform open(Wire wire, Received request) throws IOException {
        SeamcallPlatform machine;
        try {
            machine = backend.open(request.takeConfig());
        } catch (IllegalArgumentException e) {
            wire.answer(failure(Message.REFUSED, e));
            return null;
        }
        long id = ids.incrementAndGet();
        machines.put(id, machine);
        Message answer = new Message(Message.OK)
                .put(id)
                .put(machine.packages())
                .put(machine.firstPrivateHkid())
                .put(machine.privateHkids())
                .put(machine.processors());
        for (int i = 0; i < machine.processors(); i++) {
            answer.put(machine.packageOf(i));
        }
        wire.answer(answer);
        return machine;
    }

    private SeamcallPlatform join(Wire wire, Received request) throws IOException {
        long id = request.takeLong();
        request.end();
        SeamcallPlatform machine = machines.get(id);
        wire.answer(
                machine == null
                        ? new Message(Message.NOT_MADE).put("there is no such machine any more")
                        : new Message(Message.OK));
        return machine;
    }

    private Message answer(Received request, SeamcallPlatform machine) throws ProtocolException {
        return switch (request.kind()) {
            case Message.CALL -> call(request, machine);
            case Message.READ, Message.WRITE, Message.CLEAR -> access(request, machine.memory());
            case Message.CLOSE -> {
                request.end();
                machine.close();
                machines.values().remove(machine);
                yield new Message(Message.OK);
            }
            default -> throw new ProtocolException("a request of unknown kind " + request.kind());
        };
    }

    private static Message call(Received request, SeamcallPlatform machine) throws ProtocolException {
        int processor = request.takeInt();
        long rax = request.takeLong();
        SeamcallRegisters regs = new SeamcallRegisters();
        request.take(regs);
        request.end();
        if (processor < 0 || processor >= machine.processors()) {
            throw new ProtocolException("a call on processor " + processor + " of " + machine.processors());
        }
        try {
            long status = machine.processor(processor).seamcall(rax, regs);
            return new Message(Message.OK).put(status).put(regs);
        } catch (SeamcallUnavailableException e) {
            return failure(e.mayHaveBeenMade() ? Message.UNAVAILABLE : Message.NOT_MADE, e);
        }
    }

    private static Message access(Received request, PhysicalMemory memory) throws ProtocolException {
        long hpa = request.takeLong();
        long value = request.kind() == Message.WRITE ? request.takeLong() : 0;
        request.end();
        Message answer = new Message(Message.OK);
        try {
            switch (request.kind()) {
                case Message.READ -> answer.put(memory.read64(hpa));
                case Message.WRITE -> memory.write64(hpa, value);
                default -> memory.clearPage(hpa);
            }
            return answer;
        } catch (IllegalArgumentException e) {
            return failure(Message.REFUSED, e);
        }
    }

    private static Message failure(int kind, RuntimeException failure) {
        return new Message(kind).put(String.valueOf(failure.getMessage()));
    }
}
