package com.example.unixsocket;

import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallRegisters;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * A request or an answer that is put together in memory before its first byte leaves. What it looks like on its way: the number
 * of bytes that follow (4 bytes), the number of the request (8), the kind (1), and what belongs to that kind; all of it
 * big-endian. For one thread at a time.
 */
final class Message {
    static final int OPEN = 1;
    static final int JOIN = 2;
    static final int CALL = 3;
    static final int READ = 4;
    static final int WRITE = 5;
    static final int CLEAR = 6;
    static final int CLOSE = 7;

    static final int OK = 0;
    /** The request makes no sense, and nothing was done. */
    static final int REFUSED = 1;
    /** The module is lost, and may have carried the call out. */
    static final int UNAVAILABLE = 2;
    /** The module is lost, and has not seen the call. */
    static final int NOT_MADE = 3;

    /** Longer messages are not sent, and not believed. */
    static final int MAX_BYTES = 1 << 20;

    static final int NUMBER_AND_KIND = Long.BYTES + Byte.BYTES;

    private static final int USUAL_BYTES = 160;

    private final int kind;
    private ByteBuffer bytes = ByteBuffer.allocate(USUAL_BYTES);
    private boolean finished;

    Message(int kind) {
        this.kind = kind;
        bytes.putInt(0).putLong(0).put((byte) kind);
    }

    int kind() {
        return kind;
    }

    Message put(int value) {
        room(Integer.BYTES).putInt(value);
        return this;
    }

    Message put(long value) {
        room(Long.BYTES).putLong(value);
        return this;
    }

    Message put(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        put(utf8.length).room(utf8.length).put(utf8);
        return this;
    }

    Message put(SeamcallRegisters regs) {
        return put(regs.rcx)
                .put(regs.rdx)
                .put(regs.rbx)
                .put(regs.rsi)
                .put(regs.rdi)
                .put(regs.r8)
                .put(regs.r9)
                .put(regs.r10)
                .put(regs.r11)
                .put(regs.r12)
                .put(regs.r13)
                .put(regs.r14)
                .put(regs.r15);
    }

    Message put(PlatformConfig config) {
        put(config.processors()).put(config.packages()).put(config.cmrs().size());
        for (PhysicalRange range : config.cmrs()) {
            put(range.baseHpa()).put(range.bytes());
        }
        put(config.options().size());
        for (Map.Entry<String, String> option : config.options().entrySet()) {
            put(option.getKey()).put(option.getValue());
        }
        return this;
    }

    private ByteBuffer room(int more) {
        if (bytes.remaining() < more) {
            ByteBuffer larger = ByteBuffer.allocate(Math.max(2 * bytes.capacity(), bytes.position() + more));
            bytes = larger.put(bytes.flip());
        }
        return bytes;
    }

    /** The whole message, to be written. */
    ByteBuffer finish(long number) throws ProtocolException {
        int length = bytes.position() - Integer.BYTES;
        if (length > MAX_BYTES) {
            throw new ProtocolException("a message of " + length + " bytes is too long to be sent");
        }
        finished = true;
        return bytes.putInt(0, length).putLong(Integer.BYTES, number).flip();
    }

    /** Whether a byte of it has been written. */
    boolean hasBegunToLeave() {
        return finished && bytes.position() > 0;
    }
}
