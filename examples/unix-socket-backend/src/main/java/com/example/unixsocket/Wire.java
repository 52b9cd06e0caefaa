package com.example.unixsocket;

import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallRegisters;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.Closeable;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * One connection: requests one way, an answer to each the other way. A request begins with its kind, an answer with {@link
 * #OK}, or with the kind of failure and a text. For one thread at a time.
 */
final class Wire implements Closeable {
    static final int OPEN = 1;
    static final int JOIN = 2;
    static final int CALL = 3;
    static final int READ = 4;
    static final int WRITE = 5;
    static final int CLEAR = 6;
    static final int CLOSE = 7;

    static final int OK = 0;
    /** The request makes no sense. */
    static final int REFUSED = 1;
    /** The module is lost. */
    static final int UNAVAILABLE = 2;

    final DataInputStream in;
    final DataOutputStream out;
    private final SocketChannel channel;

    Wire(SocketChannel channel) {
        this.channel = channel;
        in = new DataInputStream(new BufferedInputStream(Channels.newInputStream(channel)));
        out = new DataOutputStream(new BufferedOutputStream(Channels.newOutputStream(channel)));
    }

    static Wire connect(Path socket) throws IOException {
        return new Wire(SocketChannel.open(UnixDomainSocketAddress.of(socket)));
    }

    void write(SeamcallRegisters regs) throws IOException {
        out.writeLong(regs.rcx);
        out.writeLong(regs.rdx);
        out.writeLong(regs.rbx);
        out.writeLong(regs.rsi);
        out.writeLong(regs.rdi);
        out.writeLong(regs.r8);
        out.writeLong(regs.r9);
        out.writeLong(regs.r10);
        out.writeLong(regs.r11);
        out.writeLong(regs.r12);
        out.writeLong(regs.r13);
        out.writeLong(regs.r14);
        out.writeLong(regs.r15);
    }

    void read(SeamcallRegisters regs) throws IOException {
        regs.rcx = in.readLong();
        regs.rdx = in.readLong();
        regs.rbx = in.readLong();
        regs.rsi = in.readLong();
        regs.rdi = in.readLong();
        regs.r8 = in.readLong();
        regs.r9 = in.readLong();
        regs.r10 = in.readLong();
        regs.r11 = in.readLong();
        regs.r12 = in.readLong();
        regs.r13 = in.readLong();
        regs.r14 = in.readLong();
        regs.r15 = in.readLong();
    }

    void write(PlatformConfig config) throws IOException {
        out.writeInt(config.processors());
        out.writeInt(config.packages());
        out.writeInt(config.cmrs().size());
        for (PhysicalRange range : config.cmrs()) {
            out.writeLong(range.baseHpa());
            out.writeLong(range.bytes());
        }
        out.writeInt(config.options().size());
        for (Map.Entry<String, String> option : config.options().entrySet()) {
            out.writeUTF(option.getKey());
            out.writeUTF(option.getValue());
        }
    }

    PlatformConfig readConfig() throws IOException {
        PlatformConfig.Builder config =
                PlatformConfig.builder().processors(in.readInt()).packages(in.readInt());
        List<PhysicalRange> cmrs = new ArrayList<>();
        for (int i = in.readInt(); i > 0; i--) {
            cmrs.add(new PhysicalRange(in.readLong(), in.readLong()));
        }
        config.cmrs(cmrs);
        for (int i = in.readInt(); i > 0; i--) {
            config.option(in.readUTF(), in.readUTF());
        }
        return config.build();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
