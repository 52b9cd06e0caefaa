package com.example.unixsocket;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.ConcurrentLinkedDeque;

/**
 * A machine in another process.
 *
 * <p>A call that is on its way has a connection for itself, so calls do not wait for each other (SPI-6, SPI-10); idle
 * connections are kept. If a connection breaks, nobody knows whether the call in it was carried out: {@link
 * SeamcallUnavailableException}, then and for every later call (SPI-1).
 */
final class RemotePlatform implements SeamcallPlatform {
    private final Path socket;
    private final ConcurrentLinkedDeque<Wire> idle = new ConcurrentLinkedDeque<>();
    private final PhysicalMemory memory = new RemoteMemory();
    private final long id;
    private final SeamcallProvider[] processors;
    private final int packages;
    private final int[] packageOf;
    private final int firstPrivateHkid;
    private final int privateHkids;
    private volatile String lostBecause;

    private RemotePlatform(Path socket, Wire wire) throws IOException {
        this.socket = socket;
        id = wire.in.readLong();
        processors = new SeamcallProvider[wire.in.readInt()];
        packages = wire.in.readInt();
        packageOf = new int[processors.length];
        for (int i = 0; i < processors.length; i++) {
            int index = i;
            processors[i] = (rax, regs) -> seamcall(index, rax, regs);
            packageOf[i] = wire.in.readInt();
        }
        firstPrivateHkid = wire.in.readInt();
        privateHkids = wire.in.readInt();
        idle.push(wire);
    }

    static RemotePlatform open(Path socket, PlatformConfig config) throws IOException {
        Wire wire = Wire.connect(socket);
        try {
            wire.out.writeByte(Wire.OPEN);
            wire.write(config);
            expectOk(wire);
            return new RemotePlatform(socket, wire);
        } catch (IOException | RuntimeException e) {
            wire.close();
            throw e;
        }
    }

    /** What is sent, and what is made of the answer. */
    private interface Request {
        void send(Wire wire) throws IOException;

        long receive(Wire wire) throws IOException;
    }

    private long ask(Request request) {
        if (lostBecause != null) {
            throw new SeamcallUnavailableException(lostBecause);
        }
        try {
            Wire wire = idle.poll();
            if (wire == null) {
                wire = join();
            }
            boolean good = false;
            try {
                request.send(wire);
                expectOk(wire);
                long answer = request.receive(wire);
                good = true;
                return answer;
            } catch (IllegalArgumentException | SeamcallUnavailableException e) {
                // The other side has answered; the connection is as good as before.
                good = true;
                throw e;
            } finally {
                if (good) {
                    idle.push(wire);
                } else {
                    wire.close();
                }
            }
        } catch (IOException e) {
            lostBecause = "the other process is gone: " + e;
            throw new SeamcallUnavailableException(lostBecause, e);
        }
    }

    private Wire join() throws IOException {
        Wire wire = Wire.connect(socket);
        wire.out.writeByte(Wire.JOIN);
        wire.out.writeLong(id);
        expectOk(wire);
        return wire;
    }

    private static void expectOk(Wire wire) throws IOException {
        wire.out.flush();
        switch (wire.in.readByte()) {
            case Wire.OK -> {}
            case Wire.REFUSED -> throw new IllegalArgumentException(wire.in.readUTF());
            default -> throw new SeamcallUnavailableException(wire.in.readUTF());
        }
    }

    private long seamcall(int processor, long rax, SeamcallRegisters regs) {
        return ask(new Request() {
            @Override
            public void send(Wire wire) throws IOException {
                wire.out.writeByte(Wire.CALL);
                wire.out.writeInt(processor);
                wire.out.writeLong(rax);
                wire.write(regs);
            }

            @Override
            public long receive(Wire wire) throws IOException {
                long status = wire.in.readLong();
                wire.read(regs);
                return status;
            }
        });
    }

    /** Physical memory of the other process. */
    private final class RemoteMemory implements PhysicalMemory {
        @Override
        public long read64(long hpa) {
            return access(Wire.READ, hpa, 0);
        }

        @Override
        public void write64(long hpa, long value) {
            access(Wire.WRITE, hpa, value);
        }

        @Override
        public void clearPage(long hpa) {
            access(Wire.CLEAR, hpa, 0);
        }

        private long access(int kind, long hpa, long value) {
            return ask(new Request() {
                @Override
                public void send(Wire wire) throws IOException {
                    wire.out.writeByte(kind);
                    wire.out.writeLong(hpa);
                    wire.out.writeLong(value);
                }

                @Override
                public long receive(Wire wire) throws IOException {
                    return wire.in.readLong();
                }
            });
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

    /** Closes the machine in the other process, if that is still there. */
    @Override
    public synchronized void close() {
        if (lostBecause != null) {
            return;
        }
        try {
            ask(new Request() {
                @Override
                public void send(Wire wire) throws IOException {
                    wire.out.writeByte(Wire.CLOSE);
                }

                @Override
                public long receive(Wire wire) {
                    return 0;
                }
            });
            lostBecause = "the machine was closed";
            for (Wire wire = idle.poll(); wire != null; wire = idle.poll()) {
                wire.close();
            }
        } catch (SeamcallUnavailableException | IOException e) {
            lostBecause = "the machine was closed: " + e;
        }
    }
}
