package dev.pamt.lab.report;

import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.util.Locale;
import java.util.concurrent.atomic.LongAdder;

/**
 * One line on the terminal that shows how far a run is, drawn ten times a second by a thread of its own.
 *
 * <p><b>Thread-safety:</b> any thread may step; one thread names phases and closes.
 */
public final class ProgressBar implements AutoCloseable {
    private static final int WIDTH = 30;
    private static final int LINE = 79;
    private static final long INTERVAL_MILLIS = 100;

    private final PrintStream terminal;
    private final LongAdder done = new LongAdder();
    private final long total;
    private final Thread painter;
    private volatile String phase = "";

    private ProgressBar(PrintStream terminal, long total) {
        this.terminal = terminal;
        this.total = total;
        painter = terminal == null ? null : new Thread(this::paint, "progress");
        if (painter != null) {
            painter.setDaemon(true);
            painter.start();
        }
    }

    /**
     * Starts a bar on the standard error stream.
     *
     * @param total how many steps there are
     * @return the bar; one that shows nothing if the output does not go to a terminal
     */
    public static ProgressBar start(long total) {
        return new ProgressBar(isTerminal(1) && isTerminal(2) ? System.err : null, total);
    }

    /**
     * Makes a bar that shows nothing.
     *
     * @return the bar
     */
    public static ProgressBar none() {
        return new ProgressBar(null, 0);
    }

    /**
     * Says what is being done.
     *
     * @param text a few words
     */
    public void phase(String text) {
        phase = text;
    }

    /**
     * Goes on.
     *
     * @param steps by how many steps
     */
    public void step(long steps) {
        done.add(steps);
    }

    /** Takes the bar off the terminal. */
    @Override
    public void close() {
        if (painter != null) {
            painter.interrupt();
            try {
                painter.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void paint() {
        try {
            while (true) {
                terminal.print("\r" + line());
                terminal.flush();
                Thread.sleep(INTERVAL_MILLIS);
            }
        } catch (InterruptedException e) {
            terminal.print("\r" + " ".repeat(LINE) + "\r");
            terminal.flush();
        }
    }

    private String line() {
        double part = Math.min(1, done.sum() / (double) total);
        int filled = (int) (part * WIDTH);
        String line = String.format(
                Locale.ROOT, "[%s%s] %3.0f%%  %s", "=".repeat(filled), " ".repeat(WIDTH - filled), 100 * part, phase);
        return line.length() >= LINE ? line.substring(0, LINE) : line + " ".repeat(LINE - line.length());
    }

    /** System.console() is of no use: since Java 22 there may be one without any terminal. */
    private static boolean isTerminal(int descriptor) {
        try {
            String device = new File("/proc/self/fd/" + descriptor).getCanonicalPath();
            return device.startsWith("/dev/pts/") || device.startsWith("/dev/tty");
        } catch (IOException e) {
            return false;
        }
    }
}
