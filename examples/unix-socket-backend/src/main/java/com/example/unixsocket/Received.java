package com.example.unixsocket;

import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallRegisters;
import java.net.ProtocolException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * A {@link Message} that has arrived as a whole. It is good if what belongs to its kind can be taken from it and nothing is
 * left: {@link #end()}. For one thread at a time.
 */
final class Received {
    private final ByteBuffer bytes;
    private final long number;
    private final int kind;

    /** Takes what follows the length of a message. */
    Received(ByteBuffer bytes) {
        this.bytes = bytes;
        number = bytes.getLong();
        kind = bytes.get();
    }

    long number() {
        return number;
    }

    int kind() {
        return kind;
    }

    int takeInt() throws ProtocolException {
        return next(Integer.BYTES).getInt();
    }

    long takeLong() throws ProtocolException {
        return next(Long.BYTES).getLong();
    }

    String takeText() throws ProtocolException {
        byte[] utf8 = new byte[takeCount(Byte.BYTES)];
        bytes.get(utf8);
        return new String(utf8, StandardCharsets.UTF_8);
    }

    /** How many things follow, which have at least a number of bytes each. */
    int takeCount(int bytesOfEach) throws ProtocolException {
        int count = takeInt();
        if (count < 0 || count > bytes.remaining() / bytesOfEach) {
            throw new ProtocolException("a message with " + bytes.remaining() + " bytes for " + count + " things");
        }
        return count;
    }

    void take(SeamcallRegisters regs) throws ProtocolException {
        regs.rcx = takeLong();
        regs.rdx = takeLong();
        regs.rbx = takeLong();
        regs.rsi = takeLong();
        regs.rdi = takeLong();
        regs.r8 = takeLong();
        regs.r9 = takeLong();
        regs.r10 = takeLong();
        regs.r11 = takeLong();
        regs.r12 = takeLong();
        regs.r13 = takeLong();
        regs.r14 = takeLong();
        regs.r15 = takeLong();
    }

    /**
     * The last thing in a message: what a machine is to look like.
     *
     * @throws IllegalArgumentException if no machine looks like that
     */
    PlatformConfig takeConfig() throws ProtocolException {
        int processors = takeInt();
        int packages = takeInt();
        long[] cmrs = new long[2 * takeCount(2 * Long.BYTES)];
        for (int i = 0; i < cmrs.length; i++) {
            cmrs[i] = takeLong();
        }
        List<String> options = new ArrayList<>();
        for (int i = takeCount(2 * Integer.BYTES); i > 0; i--) {
            options.add(takeText());
            options.add(takeText());
        }
        end();

        PlatformConfig.Builder config =
                PlatformConfig.builder().processors(processors).packages(packages);
        List<PhysicalRange> ranges = new ArrayList<>();
        for (int i = 0; i < cmrs.length; i += 2) {
            ranges.add(new PhysicalRange(cmrs[i], cmrs[i + 1]));
        }
        config.cmrs(ranges);
        for (int i = 0; i < options.size(); i += 2) {
            config.option(options.get(i), options.get(i + 1));
        }
        return config.build();
    }

    private ByteBuffer next(int length) throws ProtocolException {
        if (bytes.remaining() < length) {
            throw new ProtocolException("a message of kind " + kind + " that is too short");
        }
        return bytes;
    }

    /** Checks that nothing is left. */
    void end() throws ProtocolException {
        if (bytes.hasRemaining()) {
            throw new ProtocolException(
                    "a message of kind " + kind + " with " + bytes.remaining() + " bytes left over");
        }
    }
}
