package dev.pamt.lab.measure;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A command that is started in order to be measured, and that ends with this JVM at the latest.
 *
 * <p><b>Thread-safety:</b> none.
 */
public final class MeasuredCommand implements AutoCloseable {
    /** How long the command may take to end before it is killed. */
    private static final Duration PATIENCE = Duration.ofSeconds(5);

    /** A look is taken when the resident memory has grown by a fiftieth since the last one. */
    private static final int GROWTH = 50;

    private final ProcFs proc;
    private final Process process;
    private final Thread lastResort = new Thread(this::end, "end of the command");

    private MeasuredCommand(ProcFs proc, Process process) {
        this.proc = proc;
        this.process = process;
        Runtime.getRuntime().addShutdownHook(lastResort);
    }

    /**
     * Starts a command. It has the input and the outputs of this JVM.
     *
     * @param command the program and its arguments
     * @return the running command
     * @throws IOException if it cannot be started
     */
    public static MeasuredCommand start(List<String> command) throws IOException {
        return new MeasuredCommand(
                new ProcFs(Path.of("/")),
                new ProcessBuilder(command).inheritIO().start());
    }

    /**
     * Looks at the command again and again until it ends.
     *
     * @param interval the time between two looks at its resident memory
     * @return what was found when its resident memory was largest
     * @throws ProcessEndedException if it ends before it was looked at
     * @throws IOException if its files cannot be read
     * @throws InterruptedException if this thread is interrupted
     */
    public Measurement atPeak(Duration interval) throws IOException, InterruptedException {
        Measurement peak = null;
        long peakPages = 0;
        do {
            try {
                long pages = proc.residentPages(process.pid());
                if (pages > 0 && pages >= peakPages + peakPages / GROWTH) {
                    Measurement look = ProcessScan.of(proc, process.pid());
                    if (look.residentPages() > 0) {
                        peak = look;
                        peakPages = Math.max(pages, look.residentPages()) + 1;
                    }
                }
            } catch (NoSuchFileException | ProcessEndedException e) {
                // The end of the loop: the process is gone, and its exit status is about to be known.
                process.waitFor();
            }
        } while (!process.waitFor(interval.toMillis(), TimeUnit.MILLISECONDS));
        if (peak == null) {
            throw new ProcessEndedException(process.pid());
        }
        return peak;
    }

    /**
     * Looks at the command after some time.
     *
     * @param time how long the command runs before
     * @return what was found
     * @throws ProcessEndedException if it ends before
     * @throws IOException if its files cannot be read
     * @throws InterruptedException if this thread is interrupted
     */
    public Measurement after(Duration time) throws IOException, InterruptedException {
        if (process.waitFor(time.toMillis(), TimeUnit.MILLISECONDS)) {
            throw new ProcessEndedException(process.pid());
        }
        return ProcessScan.of(proc, process.pid());
    }

    /**
     * Whether the command has ended by itself, and how.
     *
     * @return its exit status, or a few words
     */
    public String status() {
        return process.isAlive() ? "is running" : "has ended with exit status " + process.exitValue();
    }

    /** Ends the command and the processes that it has started: asks them to end, and kills them after 5 seconds. */
    @Override
    public void close() {
        end();
        try {
            Runtime.getRuntime().removeShutdownHook(lastResort);
        } catch (IllegalStateException e) {
            // The JVM is ending, and the hook finds nothing left to do.
        }
    }

    private void end() {
        List<ProcessHandle> family = Stream.concat(process.descendants(), Stream.of(process.toHandle()))
                .toList();
        family.forEach(ProcessHandle::destroy);
        CompletableFuture<?> allEnded = CompletableFuture.allOf(
                family.stream().map(ProcessHandle::onExit).toArray(CompletableFuture[]::new));
        allEnded.completeOnTimeout(null, PATIENCE.toMillis(), TimeUnit.MILLISECONDS)
                .join();
        // What is left: the command itself first, so that it starts nothing more.
        List<ProcessHandle> rest =
                Stream.concat(family.stream(), process.descendants()).toList();
        process.destroyForcibly();
        rest.forEach(ProcessHandle::destroyForcibly);
    }
}
