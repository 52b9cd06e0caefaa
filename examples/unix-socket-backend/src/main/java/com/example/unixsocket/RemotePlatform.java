package com.example.unixsocket;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import java.io.IOException;
import java.net.ProtocolException;
import java.nio.file.Path;
import java.util.concurrent.ConcurrentLinkedDeque;

/**
 * A machine in another process.
 *
 * <p>A call that is on its way has a connection for itself, so calls do not wait for each other (SPI-6, SPI-10); idle
 * connections are kept.
 *
 * <p>State left when a call, or an access to memory, ends in a {@link SeamcallUnavailableException}: its registers are as they
 * were, and
 *
 * <ul>
 *   <li>if a connection broke, an answer was not there in time, or it was not an answer to this request from its first byte to
 *       its last, the machine is lost: every later call throws at once, and was {@linkplain
 *       SeamcallUnavailableException#notSent not sent}. Calls that are on their way in other connections may still be
 *       answered. The call itself counts as not sent if none of its bytes was written: the connection could not be made, or was
 *       found broken before. Otherwise it may have been made;
 *   <li>if the other process has answered that its module is lost, the answer says whether the call was made, and memory can
 *       still be reached.
 * </ul>
 *
 * <p><b>Progress:</b> a call, or an access to memory, ends within the time-out for answers, the time in which a connection is
 * made included. An interrupt of the thread neither ends nor disturbs it.
 */
final class RemotePlatform implements SeamcallPlatform {
    private final Path socket;
    private final long timeoutMillis;
    private final ConcurrentLinkedDeque<Wire> idle = new ConcurrentLinkedDeque<>();
    private final PhysicalMemory memory = new RemoteMemory();
    private final long id;
    private final SeamcallProvider[] processors;
    private final int packages;
    private final int[] packageOf;
    private final int firstPrivateHkid;
    private final int privateHkids;
    private volatile String lostBecause;

    private RemotePlatform(Path socket, long timeoutMillis, Received opened) throws ProtocolException {
        this.socket = socket;
        this.timeoutMillis = timeoutMillis;
        id = opened.takeLong();
        packages = opened.takeInt();
        firstPrivateHkid = opened.takeInt();
        privateHkids = opened.takeInt();
        processors = new SeamcallProvider[opened.takeCount(Integer.BYTES)];
        packageOf = new int[processors.length];
        for (int i = 0; i < processors.length; i++) {
            int index = i;
            processors[i] = (rax, regs) -> seamcall(index, rax, regs);
            packageOf[i] = opened.takeInt();
        }
        opened.end();
    }

    static RemotePlatform open(Path socket, PlatformConfig config, long timeoutMillis) throws IOException {
        Deadline deadline = Deadline.in(timeoutMillis);
        Wire wire = Wire.connect(socket, deadline);
        boolean good = false;
        try {
            Message request = new Message(Message.OPEN).put(config);
            Received answer = wire.ask(request, deadline);
            if (answer.kind() != Message.OK) {
                throw failure(request, answer);
            }
            RemotePlatform machine = new RemotePlatform(socket, timeoutMillis, answer);
            machine.idle.push(wire);
            good = true;
            return machine;
        } finally {
            if (!good) {
                wire.close();
            }
        }
    }

    /** What is made of a good answer: all that it has must be taken. */
    private interface Reader {
        long read(Received answer) throws ProtocolException;
    }

    private long ask(Message request, Reader reader) {
        String reason = lostBecause;
        if (reason != null) {
            throw SeamcallUnavailableException.notSent(reason, null);
        }
        return exchange(request, reader);
    }

    private long exchange(Message request, Reader reader) {
        Wire wire = null;
        boolean good = false;
        RuntimeException failure = null;
        long result = 0;
        try {
            Deadline deadline = Deadline.in(timeoutMillis);
            wire = connection(deadline);
            Received answer = wire.ask(request, deadline);
            if (answer.kind() == Message.OK) {
                result = reader.read(answer);
                answer.end();
            } else {
                failure = failure(request, answer);
            }
            good = true;
        } catch (IOException e) {
            throw lose(request, e);
        } finally {
            if (good) {
                keep(wire);
            } else if (wire != null) {
                wire.close();
            }
        }
        if (failure != null) {
            throw failure;
        }
        return result;
    }

    private Wire connection(Deadline deadline) throws IOException {
        Wire kept = idle.poll();
        if (kept != null) {
            return kept;
        }
        Wire wire = Wire.connect(socket, deadline);
        boolean joined = false;
        try {
            Message join = new Message(Message.JOIN).put(id);
            Received answer = wire.ask(join, deadline);
            if (answer.kind() != Message.OK) {
                throw new IOException("no further connection", failure(join, answer));
            }
            answer.end();
            joined = true;
            return wire;
        } finally {
            if (!joined) {
                wire.close();
            }
        }
    }

    /** What the other process says instead of having done something. */
    private static RuntimeException failure(Message request, Received answer) throws ProtocolException {
        RuntimeException failure =
                switch (answer.kind()) {
                    case Message.REFUSED -> {
                        if (!mayBeRefused(request.kind())) {
                            throw new ProtocolException("a request of kind " + request.kind() + " was refused");
                        }
                        yield new IllegalArgumentException(answer.takeText());
                    }
                    case Message.UNAVAILABLE -> new SeamcallUnavailableException(answer.takeText());
                    case Message.NOT_MADE -> SeamcallUnavailableException.notSent(answer.takeText(), null);
                    default -> throw new ProtocolException("an answer of unknown kind " + answer.kind());
                };
        answer.end();
        return failure;
    }

    /** A call is answered with a status, whatever is wrong with it (SPI-1). */
    private static boolean mayBeRefused(int kind) {
        return switch (kind) {
            case Message.OPEN, Message.READ, Message.WRITE, Message.CLEAR -> true;
            default -> false;
        };
    }

    private SeamcallUnavailableException lose(Message request, IOException e) {
        String reason = "the connection to the other process broke: " + e;
        endBecause(reason);
        closeIdle();
        return request.hasBegunToLeave()
                ? new SeamcallUnavailableException(reason, e)
                : SeamcallUnavailableException.notSent(reason, e);
    }

    /** Returns whether this is the first reason. */
    private synchronized boolean endBecause(String reason) {
        if (lostBecause != null) {
            return false;
        }
        lostBecause = reason;
        return true;
    }

    private void keep(Wire wire) {
        idle.push(wire);
        if (lostBecause != null) {
            closeIdle();
        }
    }

    private void closeIdle() {
        for (Wire wire = idle.poll(); wire != null; wire = idle.poll()) {
            wire.close();
        }
    }

    private long seamcall(int processor, long rax, SeamcallRegisters regs) {
        Message request = new Message(Message.CALL).put(processor).put(rax).put(regs);
        SeamcallRegisters after = new SeamcallRegisters();
        long status = ask(request, answer -> {
            long returned = answer.takeLong();
            answer.take(after);
            return returned;
        });
        regs.set(after);
        return status;
    }

    /** Physical memory of the other process. */
    private final class RemoteMemory implements PhysicalMemory {
        @Override
        public long read64(long hpa) {
            return ask(new Message(Message.READ).put(hpa), Received::takeLong);
        }

        @Override
        public void write64(long hpa, long value) {
            ask(new Message(Message.WRITE).put(hpa).put(value), answer -> 0);
        }

        @Override
        public void clearPage(long hpa) {
            ask(new Message(Message.CLEAR).put(hpa), answer -> 0);
        }
    }

    @Override
    public int processors() {
        return processors.length;
    }

    @Override
    public SeamcallProvider processor(int index) {
        return processors[index];
    }

    @Override
    public int packages() {
        return packages;
    }

    @Override
    public int packageOf(int processor) {
        return packageOf[processor];
    }

    @Override
    public PhysicalMemory memory() {
        return memory;
    }

    @Override
    public int firstPrivateHkid() {
        return firstPrivateHkid;
    }

    @Override
    public int privateHkids() {
        return privateHkids;
    }

    /** Closes the machine in the other process, if that is still there; takes no longer than a call. */
    @Override
    public void close() {
        if (!endBecause("the machine was closed")) {
            return;
        }
        try {
            exchange(new Message(Message.CLOSE), answer -> 0);
        } catch (SeamcallUnavailableException e) {
            // The machine cannot be reached any more, so it need not be closed; no call will be sent to it.
        } finally {
            closeIdle();
        }
    }
}
