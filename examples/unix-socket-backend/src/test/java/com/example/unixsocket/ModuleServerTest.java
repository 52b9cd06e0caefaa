package com.example.unixsocket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The other process neither carries out nor answers what is not a request. */
@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ModuleServerTest {
    private static final int END = -1;
    private static final int LENGTH_BYTES = Integer.BYTES;

    private SocketChannel connection;
    private long machine;

    @BeforeEach
    void open() throws Exception {
        connection = connect();
        send(bytes(new Message(Message.OPEN).put(PlatformConfig.builder().build()), 1));
        Received answer = receive();
        assertEquals(Message.OK, answer.kind());
        machine = answer.takeLong();
    }

    @AfterEach
    void close() throws Exception {
        connection.close();
    }

    private static SocketChannel connect() throws Exception {
        return SocketChannel.open(
                UnixDomainSocketAddress.of(ServerProcess.shared().socket()));
    }

    private static byte[] bytes(Message message, long number) throws Exception {
        ByteBuffer finished = message.finish(number);
        byte[] bytes = new byte[finished.remaining()];
        finished.get(bytes);
        return bytes;
    }

    private void send(byte[] bytes) throws Exception {
        connection.write(ByteBuffer.wrap(bytes));
    }

    private Received receive() throws Exception {
        int length = read(LENGTH_BYTES).getInt();
        return new Received(read(length));
    }

    private ByteBuffer read(int length) throws Exception {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        while (bytes.hasRemaining()) {
            assertTrue(connection.read(bytes) > 0, "the connection has ended");
        }
        return bytes.flip();
    }

    /** The first call of SYS.INIT succeeds, and no other. */
    private static Message sysInit() {
        return new Message(Message.CALL).put(0).put(SeamcallLeaf.SYS_INIT.rax()).put(new SeamcallRegisters());
    }

    private static byte[] resized(byte[] request, int length) {
        return ByteBuffer.wrap(Arrays.copyOf(request, length))
                .putInt(0, length - LENGTH_BYTES)
                .array();
    }

    private void expectEnd() throws Exception {
        try {
            assertEquals(END, connection.read(ByteBuffer.allocate(1)));
        } catch (SocketException reset) {
            // The connection was closed before all of the request was read.
        }
    }

    private void expectNeitherDoneNorAnswered(byte[] request) throws Exception {
        send(request);
        expectEnd();
        connection.close();
        connection = connect();
        send(bytes(new Message(Message.JOIN).put(machine), 1));
        assertEquals(Message.OK, receive().kind());
        send(bytes(sysInit(), 2));
        Received answer = receive();
        assertEquals(Message.OK, answer.kind());
        assertEquals(0, answer.takeLong(), "the module has not seen a SYS.INIT before");
    }

    @Test
    void bytesLeftOver() throws Exception {
        byte[] request = bytes(sysInit(), 2);
        expectNeitherDoneNorAnswered(resized(request, request.length + 1));
    }

    @Test
    void aRequestThatIsTooShort() throws Exception {
        byte[] request = bytes(sysInit(), 2);
        expectNeitherDoneNorAnswered(resized(request, request.length - 1));
    }

    @Test
    void halfARequest() throws Exception {
        byte[] request = bytes(sysInit(), 2);
        send(Arrays.copyOf(request, request.length / 2));
        connection.shutdownOutput();
        expectEnd();
    }

    @Test
    void aRequestThatComesTwice() throws Exception {
        expectNeitherDoneNorAnswered(bytes(sysInit(), 1));
    }

    @Test
    void aRequestOfUnknownKind() throws Exception {
        expectNeitherDoneNorAnswered(bytes(new Message(77), 2));
    }

    @Test
    void aSecondOpening() throws Exception {
        expectNeitherDoneNorAnswered(
                bytes(new Message(Message.OPEN).put(PlatformConfig.builder().build()), 2));
    }

    @Test
    void aLengthThatNoRequestHas() throws Exception {
        byte[] request = bytes(sysInit(), 2);
        expectNeitherDoneNorAnswered(
                ByteBuffer.wrap(request).putInt(0, Integer.MAX_VALUE).array());
    }

    @Test
    void aProcessorThatIsNotThere() throws Exception {
        expectNeitherDoneNorAnswered(bytes(
                new Message(Message.CALL)
                        .put(1)
                        .put(SeamcallLeaf.SYS_INIT.rax())
                        .put(new SeamcallRegisters()),
                2));
    }

    @Test
    void aCallBeforeThereIsAMachine() throws Exception {
        connection.close();
        connection = connect();
        expectNeitherDoneNorAnswered(bytes(sysInit(), 1));
    }

    @Test
    void aConfigurationWithLessThanNothing() throws Exception {
        connection.close();
        connection = connect();
        expectNeitherDoneNorAnswered(
                bytes(new Message(Message.OPEN).put(1).put(1).put(0).put(-1), 1));
    }

    @Test
    void aMachineThatIsNotThere() throws Exception {
        connection.close();
        connection = connect();
        send(bytes(new Message(Message.JOIN).put(-1L), 1));
        assertEquals(Message.NOT_MADE, receive().kind());
    }

    @Test
    void connectingWaitsForAServerThatIsBusyButNotForEver(@TempDir Path directory) throws Exception {
        UnixDomainSocketAddress address = UnixDomainSocketAddress.of(directory.resolve("busy"));
        List<Wire> wires = new ArrayList<>();
        try (ServerSocketChannel busy = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            busy.bind(address, 1);
            assertThrows(SocketTimeoutException.class, () -> {
                while (wires.size() < 100) {
                    wires.add(Wire.connect(address.getPath(), Deadline.in(300)));
                }
            });
            CompletableFuture<SocketChannel> accepted = CompletableFuture.supplyAsync(
                    () -> accept(busy), CompletableFuture.delayedExecutor(200, TimeUnit.MILLISECONDS));
            wires.add(Wire.connect(address.getPath(), Deadline.in(30_000)));
            accepted.get().close();
        } finally {
            wires.forEach(Wire::close);
        }
    }

    private static SocketChannel accept(ServerSocketChannel server) {
        try {
            return server.accept();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
