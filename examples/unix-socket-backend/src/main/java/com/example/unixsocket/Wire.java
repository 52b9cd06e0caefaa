package com.example.unixsocket;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.ProtocolException;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * One connection: requests one way, an answer to each the other way, before the next request. Requests are numbered from 1, and
 * an answer has the number of its request. For one thread at a time.
 *
 * <p>After an exception the connection is of no use any more. An interrupt of the thread is no reason for one: it stays set,
 * and is the caller's.
 */
final class Wire implements Closeable {
    private static final int PAUSE_MILLIS = 5;

    private final SocketChannel channel;
    private final Selector selector;
    private final SelectionKey key;
    private final ByteBuffer unasked = ByteBuffer.allocate(1);
    private long requests;

    /** Takes a connection over: it is closed with this wire, or at once if there cannot be one. */
    Wire(SocketChannel channel) throws IOException {
        this.channel = channel;
        Selector opened = null;
        try {
            channel.configureBlocking(false);
            opened = Selector.open();
            key = channel.register(opened, 0);
        } catch (IOException e) {
            closeAll(channel, opened);
            throw e;
        }
        selector = opened;
    }

    /** Connects; waits while the other side has as many connections to accept as it lets wait. */
    static Wire connect(Path socket, Deadline deadline) throws IOException {
        IOException lastFailure = null;
        while (true) {
            Wire wire = new Wire(SocketChannel.open(StandardProtocolFamily.UNIX));
            boolean connected = false;
            try {
                connected = wire.channel.connect(UnixDomainSocketAddress.of(socket));
                if (connected) {
                    return wire;
                }
            } catch (ConnectException refused) {
                throw refused;
            } catch (IOException e) {
                // There is no exception of its own for "try again".
                if (!Files.isWritable(socket)) {
                    throw e;
                }
                lastFailure = e;
            } finally {
                if (!connected) {
                    wire.close();
                }
            }
            pause(deadline, lastFailure);
        }
    }

    private static void pause(Deadline deadline, IOException lastFailure) throws IOException {
        try (Selector nothing = Selector.open()) {
            ready(nothing, Math.min(PAUSE_MILLIS, deadline.millisLeft()));
        } catch (SocketTimeoutException e) {
            e.initCause(lastFailure);
            throw e;
        }
    }

    /** Sends a request, and returns the answer to this request and no other. */
    Received ask(Message request, Deadline deadline) throws IOException {
        expectSilence();
        send(request, ++requests, deadline);
        Received answer = receive(deadline);
        if (answer == null) {
            throw new EOFException("the connection was closed instead of an answer");
        }
        if (answer.number() != requests) {
            throw new ProtocolException("an answer to request " + answer.number() + " instead of " + requests);
        }
        return answer;
    }

    /** What is here before the request is not the answer to it. */
    private void expectSilence() throws IOException {
        int read = channel.read(unasked.clear());
        if (read != 0) {
            throw read < 0
                    ? new EOFException("the connection was closed")
                    : new ProtocolException("bytes that answer no request");
        }
    }

    /** Waits for the next request; returns null if the other side closes the connection instead. */
    Received nextRequest() throws IOException {
        Received request = receive(Deadline.NEVER);
        if (request != null && request.number() != ++requests) {
            throw new ProtocolException("request " + request.number() + " instead of " + requests);
        }
        return request;
    }

    /** Answers the last request. */
    void answer(Message answer) throws IOException {
        send(answer, requests, Deadline.NEVER);
    }

    private void send(Message message, long number, Deadline deadline) throws IOException {
        ByteBuffer bytes = message.finish(number);
        channel.write(bytes);
        while (bytes.hasRemaining()) {
            await(SelectionKey.OP_WRITE, deadline);
            channel.write(bytes);
        }
    }

    /** The next message, or null if the connection ends before it. */
    private Received receive(Deadline deadline) throws IOException {
        ByteBuffer length = ByteBuffer.allocate(Integer.BYTES);
        if (!fill(length, deadline)) {
            return null;
        }
        int bytes = length.getInt();
        if (bytes < Message.NUMBER_AND_KIND || bytes > Message.MAX_BYTES) {
            throw new ProtocolException("a message that is to have " + bytes + " bytes");
        }
        ByteBuffer rest = ByteBuffer.allocate(bytes);
        if (!fill(rest, deadline)) {
            throw new EOFException("the connection was closed within a message");
        }
        return new Received(rest);
    }

    /** Fills the buffer, and turns it round; returns false if the connection ends before its first byte. */
    private boolean fill(ByteBuffer buffer, Deadline deadline) throws IOException {
        while (buffer.hasRemaining()) {
            int read = channel.read(buffer);
            if (read < 0) {
                if (buffer.position() > 0) {
                    throw new EOFException("the connection was closed within a message");
                }
                return false;
            }
            if (read == 0) {
                await(SelectionKey.OP_READ, deadline);
            }
        }
        buffer.flip();
        return true;
    }

    private void await(int operation, Deadline deadline) throws IOException {
        key.interestOps(operation);
        while (!ready(selector, deadline.millisLeft())) {
            // Interrupted, or too early by a little: the deadline decides.
        }
        selector.selectedKeys().clear();
    }

    /** Waits as long as a selector does; an interrupt from before does not shorten it. */
    private static boolean ready(Selector selector, long millis) throws IOException {
        boolean interrupted = Thread.interrupted();
        try {
            return selector.select(millis) > 0;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void close() {
        closeAll(channel, selector);
    }

    private static void closeAll(Closeable... parts) {
        for (Closeable part : parts) {
            try {
                if (part != null) {
                    part.close();
                }
            } catch (IOException e) {
                System.err.println("cannot close a connection: " + e);
            }
        }
    }
}
