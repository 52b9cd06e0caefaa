package dev.pamt.seamcall.conformance;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.decorator.SeamcallDecorator;
import java.io.Closeable;
import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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

    /** No separator: the newline after a line is written with the line. */
    private static final JsonFactory JSON =
            new JsonFactoryBuilder().rootValueSeparator((String) null).build();

    private final JsonGenerator json;
    private IOException failure;
    private boolean closed;
    private long calls;

    /** The fields of a line. */
    @FunctionalInterface
    private interface Fields {
        void write() throws IOException;
    }

    private Tracing(Path file, PlatformConfig machine) throws IOException {
        OutputStream stream = Files.newOutputStream(file);
        json = JSON.createGenerator(new OutputStreamWriter(
                file.toString().endsWith(".gz") ? new GZIPOutputStream(stream) : stream, StandardCharsets.UTF_8));
        write(() -> writeHeader(machine));
    }

    /**
     * Starts a trace of single providers. It can be answered from, but not replayed: it does not say on what machine.
     *
     * @param file the file to write, anew; packed by gzip if its name ends with {@code .gz}
     * @return the trace
     * @throws IOException if the file cannot be opened
     */
    public static Tracing open(Path file) throws IOException {
        return new Tracing(file, null);
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
        return new Tracing(file, Objects.requireNonNull(machine, "machine"));
    }

    private void writeHeader(PlatformConfig machine) throws IOException {
        json.writeNumberField("header", 1);
        json.writeBooleanField("bring_up", false);
        if (machine != null) {
            json.writeObjectFieldStart("platform");
            json.writeNumberField("num_lps", machine.processors());
            json.writeNumberField("num_pkgs", machine.packages());
            json.writeArrayFieldStart("cmrs");
            for (PhysicalRange range : machine.cmrs()) {
                json.writeStartObject();
                writeWord("base", range.baseHpa());
                writeWord("size", range.bytes());
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeObjectFieldStart("options");
            for (Map.Entry<String, String> option : machine.options().entrySet()) {
                json.writeStringField(option.getKey(), option.getValue());
            }
            json.writeEndObject();
            json.writeEndObject();
        }
        json.writeObjectFieldStart("unlisted_regs");
        for (TdxOperand register : SeamcallRegisters.OPERANDS) {
            json.writeNumberField(Registers.name(register), 0);
        }
        json.writeEndObject();
    }

    @Override
    public SeamcallProvider decorate(SeamcallProvider backend, int processor) {
        return (rax, regs) -> call(backend, processor, rax, regs);
    }

    /** What the host writes is traced as well. */
    @Override
    public PhysicalMemory decorate(PhysicalMemory memory) {
        return new TracedMemory(memory);
    }

    private long call(SeamcallProvider backend, int processor, long rax, SeamcallRegisters regs) {
        SeamcallRegisters before = new SeamcallRegisters().set(regs);
        long status;
        try {
            status = backend.seamcall(rax, regs);
        } catch (SeamcallUnavailableException e) {
            write(() -> json.writeStringField("note", leafName(rax) + " with " + before + " threw " + e));
            throw e;
        }
        write(() -> writeCall(processor, rax, before, status, regs));
        return status;
    }

    private void writeCall(int processor, long rax, SeamcallRegisters before, long status, SeamcallRegisters after)
            throws IOException {
        json.writeNumberField("n", calls++);
        json.writeStringField("leaf", leafName(rax));
        json.writeNumberField("leaf_no", SeamcallLeaf.numberOf(rax));
        json.writeNumberField("lp", processor);
        json.writeObjectFieldStart("in");
        if (rax != SeamcallLeaf.numberOf(rax)) {
            writeWord("rax", rax);
        }
        for (TdxOperand register : SeamcallRegisters.OPERANDS) {
            if (before.get(register) != 0) {
                writeWord(Registers.name(register), before.get(register));
            }
        }
        json.writeEndObject();
        json.writeObjectFieldStart("out");
        writeWord("rax", status);
        for (TdxOperand register : SeamcallRegisters.OPERANDS) {
            if (before.get(register) != after.get(register) || ALWAYS_LISTED.contains(register)) {
                writeWord(Registers.name(register), after.get(register));
            }
        }
        json.writeEndObject();
        json.writeStringField("status", Registers.gloss(status));
    }

    private void writeWord(String name, long value) throws IOException {
        json.writeStringField(name, Registers.hex(value));
    }

    private static String leafName(long rax) {
        SeamcallLeaf leaf = SeamcallLeaf.of(rax);
        return leaf == null ? Integer.toString(SeamcallLeaf.numberOf(rax)) : leaf.abiName();
    }

    private synchronized void write(Fields fields) {
        if (failure != null || closed) {
            return;
        }
        try {
            json.writeStartObject();
            fields.write();
            json.writeEndObject();
            json.writeRaw('\n');
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
            json.close();
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
            write(() -> {
                json.writeStringField("harness", "write_phys64");
                writeWord("pa", hpa);
                writeWord("value", value);
            });
        }

        @Override
        public void clearPage(long hpa) {
            memory.clearPage(hpa);
            write(() -> {
                json.writeStringField("harness", "fill_page");
                writeWord("pa", hpa);
                json.writeNumberField("size", PAGE_BYTES);
                writeWord("value", 0);
            });
        }
    }
}
