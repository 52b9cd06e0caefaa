package com.example.unixsocket;

import java.io.Closeable;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Passes requests on to the other process, and its answers back; answers that a test has chosen are spoilt. The requests to
 * them are carried out all the same.
 *
 * <p><b>Thread-safety:</b> any thread may use it.
 */
final class MiddleMan implements Closeable {
    /** What comes instead of a good answer. The answer begins with its length, its number and its kind. */
    interface Spoiling {
        byte[] spoil(byte[] answer);
    }

    private static final int LEAF_OFFSET = Integer.BYTES;

    private record Spoilt(int kind, long leaf, Spoiling spoiling) {}

    private final Path directory = Files.createTempDirectory("tdx");
    private final Path upstream;
    private final ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    private final Queue<Closeable> connections = new ConcurrentLinkedQueue<>();
    private final Queue<Spoilt> spoilt = new ConcurrentLinkedQueue<>();
    private final AtomicInteger requests = new AtomicInteger();

    MiddleMan(Path upstream) throws IOException {
        this.upstream = upstream;
        server.bind(UnixDomainSocketAddress.of(socket()));
        daemon(this::accept);
    }

    Path socket() {
        return directory.resolve("middle");
    }

    /** Spoils the answer to the next request of a kind. */
    void spoilNext(int kind, Spoiling spoiling) {
        spoilt.add(new Spoilt(kind, -1, spoiling));
    }

    /** Spoils the answer to the next call of a leaf. */
    void spoilNextCall(long leaf, Spoiling spoiling) {
        spoilt.add(new Spoilt(Message.CALL, leaf, spoiling));
    }

    /** How many requests have come. */
    int requests() {
        return requests.get();
    }

    private static void daemon(Runnable task) {
        Thread thread = new Thread(task, "middle-man");
        thread.setDaemon(true);
        thread.start();
    }

    private void accept() {
        try {
            while (true) {
                SocketChannel near = server.accept();
                connections.add(near);
                SocketChannel far = SocketChannel.open(UnixDomainSocketAddress.of(upstream));
                connections.add(far);
                daemon(() -> pass(near, far));
            }
        } catch (ClosedChannelException e) {
            // The test is over.
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private void pass(SocketChannel near, SocketChannel far) {
        try (near;
                far) {
            DataInputStream asked = new DataInputStream(Channels.newInputStream(near));
            DataInputStream answered = new DataInputStream(Channels.newInputStream(far));
            while (true) {
                byte[] request = message(asked);
                requests.incrementAndGet();
                far.write(ByteBuffer.wrap(request));
                byte[] answer = message(answered);
                Spoilt first = spoilt.peek();
                if (first != null && isFor(request, first)) {
                    spoilt.remove();
                    answer = first.spoiling.spoil(answer);
                }
                near.write(ByteBuffer.wrap(answer));
            }
        } catch (EOFException | ClosedChannelException e) {
            // One of the two sides has closed its connection.
        } catch (IOException e) {
            System.err.println("a connection broke in the middle: " + e);
        }
    }

    private static boolean isFor(byte[] request, Spoilt spoilt) {
        ByteBuffer bytes = ByteBuffer.wrap(request).position(Integer.BYTES + Long.BYTES);
        int kind = bytes.get();
        return kind == spoilt.kind && (spoilt.leaf < 0 || bytes.getLong(bytes.position() + LEAF_OFFSET) == spoilt.leaf);
    }

    private static byte[] message(DataInputStream in) throws IOException {
        int length = in.readInt();
        ByteBuffer message = ByteBuffer.allocate(Integer.BYTES + length).putInt(length);
        in.readFully(message.array(), Integer.BYTES, length);
        return message.array();
    }

    @Override
    public void close() throws IOException {
        server.close();
        for (Closeable connection : connections) {
            connection.close();
        }
        Files.deleteIfExists(socket());
        Files.delete(directory);
    }
}
