package dev.pamt.seamcall.decorator;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.io.BufferedWriter;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.zip.GZIPOutputStream;

/**
 * Writes every call to a file, in the format of recordings ({@code docs/vectors.md}).
 *
 * <p>The trace of a whole machine, from its opening on, has the host's writes to memory, too, and can be replayed against
 * any backend. What guests do is not traced, so a replay goes no further than the first VP.ENTER that was entered.
 *
 * <p><b>Thread-safety:</b> any number of threads; lines are in the order in which calls came back, so that calls which ran
 * at the same time can be replayed only in that one order. <b>Progress:</b> after a call its thread waits until the lines of
 * others are written. A file that cannot be written does not disturb calls: {@link #close} says so.
 */
public final class Tracing implements SeamcallDecorator, Closeable {
    private static final List<TdxOperand> ALWAYS_LISTED = List.of(TdxOperand.RCX, TdxOperand.RDX, TdxOperand.R8);
    private static final long PAGE_BYTES = 4096;

    private final Writer out;
    private IOException failure;
    private boolean closed;
    private long calls;

    private Tracing(Path file, JsonLine header) throws IOException {
        OutputStream stream = Files.newOutputStream(file);
        out = new BufferedWriter(new OutputStreamWriter(
                file.toString().endsWith(".gz") ? new GZIPOutputStream(stream) : stream, StandardCharsets.UTF_8));
        write(header);
    }

    /**
     * Starts a trace of single providers. It can be answered from, but not replayed: it does not say on what machine.
     *
     * @param file the file to write, anew; packed by gzip if its name ends with {@code .gz}
     * @return the trace
     * @throws IOException if the file cannot be opened
     */
    public static Tracing open(Path file) throws IOException {
        return new Tracing(file, header(null));
    }

    /**
     * Starts a trace of a machine that is about to be opened.
     *
     * @param file the file to write, anew; packed by gzip if its name ends with {@code .gz}
     * @param machine what the machine looks like
     * @return the trace
     * @throws IOException if the file cannot be opened
     */
    public static Tracing open(Path file, PlatformConfig machine) throws IOException {
        return new Tracing(file, header(machine));
    }

    private static JsonLine header(PlatformConfig machine) {
        JsonLine header = new JsonLine().number("header", 1).bool("bring_up", false);
        if (machine != null) {
            header.object("platform")
                    .number("num_lps", machine.processors())
                    .number("num_pkgs", machine.packages())
                    .array("cmrs");
            for (PhysicalRange range : machine.cmrs()) {
                header.item()
                        .word("base", range.baseHpa())
                        .word("size", range.bytes())
                        .endObject();
            }
            header.endArray().object("options");
            machine.options().forEach(header::string);
            header.endObject().endObject();
        }
        header.object("unlisted_regs");
        for (TdxOperand register : SeamcallRegisters.OPERANDS) {
            header.number(name(register), 0);
        }
        return header.endObject();
    }

    private static String name(TdxOperand register) {
        return register.name().toLowerCase(Locale.ROOT);
    }

    @Override
    public SeamcallProvider decorate(SeamcallProvider backend, int processor) {
        return (rax, regs) -> call(backend, processor, rax, regs);
    }

    /** Wraps all processors of a machine, and its memory: what the host writes is traced as well. */
    @Override
    public SeamcallPlatform decorate(SeamcallPlatform platform) {
        return new DecoratedPlatform(platform, this, new TracedMemory(platform.memory()));
    }

    private long call(SeamcallProvider backend, int processor, long rax, SeamcallRegisters regs) {
        SeamcallRegisters before = new SeamcallRegisters().set(regs);
        long status;
        try {
            status = backend.seamcall(rax, regs);
        } catch (SeamcallUnavailableException e) {
            write(new JsonLine().string("note", leafName(rax) + " with " + before + " threw " + e));
            throw e;
        }
        writeCall(processor, rax, before, status, regs);
        return status;
    }

    private synchronized void writeCall(
            int processor, long rax, SeamcallRegisters before, long status, SeamcallRegisters after) {
        JsonLine line = new JsonLine()
                .number("n", calls++)
                .string("leaf", leafName(rax))
                .number("leaf_no", SeamcallLeaf.numberOf(rax))
                .number("lp", processor)
                .object("in");
        if (rax != SeamcallLeaf.numberOf(rax)) {
            line.word("rax", rax);
        }
        for (TdxOperand register : SeamcallRegisters.OPERANDS) {
            if (before.get(register) != 0) {
                line.word(name(register), before.get(register));
            }
        }
        line.endObject().object("out").word("rax", status);
        for (TdxOperand register : SeamcallRegisters.OPERANDS) {
            if (before.get(register) != after.get(register) || ALWAYS_LISTED.contains(register)) {
                line.word(name(register), after.get(register));
            }
        }
        write(line.endObject().string("status", gloss(status)));
    }

    private static String leafName(long rax) {
        SeamcallLeaf leaf = SeamcallLeaf.of(rax);
        return leaf == null ? Integer.toString(SeamcallLeaf.numberOf(rax)) : leaf.abiName();
    }

    private static String gloss(long status) {
        TdxStatus known = TdxStatus.of(status);
        TdxOperand operand = TdxStatus.operandOf(status);
        String name = known == null ? "0x" + Long.toHexString(status) : known.abiName();
        return operand == null ? name : name + "/" + operand;
    }

    private synchronized void write(JsonLine line) {
        if (failure != null || closed) {
            return;
        }
        try {
            out.write(line.toString());
            out.write('\n');
        } catch (IOException e) {
            failure = e;
        }
    }

    /**
     * Completes the file. Calls that come later are not traced. Calling it again does nothing.
     *
     * @throws IOException if the file could not be written, now or at any time before
     */
    @Override
    public synchronized void close() throws IOException {
        if (closed) {
            return;
        }
        closed = true;
        try {
            out.close();
        } catch (IOException e) {
            failure = failure == null ? e : failure;
        }
        if (failure != null) {
            throw new IOException("the trace is not complete: " + failure.getMessage(), failure);
        }
    }

    private final class TracedMemory implements PhysicalMemory {
        private final PhysicalMemory memory;

        TracedMemory(PhysicalMemory memory) {
            this.memory = memory;
        }

        @Override
        public long read64(long hpa) {
            return memory.read64(hpa);
        }

        @Override
        public void write64(long hpa, long value) {
            memory.write64(hpa, value);
            write(new JsonLine()
                    .string("harness", "write_phys64")
                    .word("pa", hpa)
                    .word("value", value));
        }

        @Override
        public void clearPage(long hpa) {
            memory.clearPage(hpa);
            write(new JsonLine()
                    .string("harness", "fill_page")
                    .word("pa", hpa)
                    .number("size", PAGE_BYTES)
                    .word("value", 0));
        }
    }
}
