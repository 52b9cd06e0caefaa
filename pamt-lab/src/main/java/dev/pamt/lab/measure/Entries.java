package dev.pamt.lab.measure;

import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A file of 64-bit entries, one for each page, of which a window is read at a time: {@code /proc/PID/pagemap} and {@code
 * /proc/kpageflags}.
 *
 * <p><b>Thread-safety:</b> none.
 */
final class Entries implements Closeable {
    private final FileChannel channel;
    private final ByteBuffer window;

    private Entries(FileChannel channel, int mostEntries) {
        this.channel = channel;
        // Both files are written by x86 processors, whatever this JVM runs on.
        window = ByteBuffer.allocateDirect(mostEntries * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    }

    static Entries open(Path file, int mostEntries) throws IOException {
        return new Entries(FileChannel.open(file, StandardOpenOption.READ), mostEntries);
    }

    /** Reads entries into the window and returns how many there are: fewer than asked for at the end of the file. */
    int read(long first, int entries) throws IOException {
        window.clear().limit(entries * Long.BYTES);
        long position = first * Long.BYTES;
        while (window.hasRemaining()) {
            int read = channel.read(window, position + window.position());
            if (read <= 0) {
                break;
            }
        }
        return window.position() / Long.BYTES;
    }

    /** An entry of the window. */
    long get(int index) {
        return window.getLong(index * Long.BYTES);
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
