package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxStatus;
import java.util.EnumSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Holds a backend to recorded call sequences: brings a machine up as the recording says, through real calls, makes every
 * call of the recording, and compares the status, all registers and what the recording knows of the module's state.
 *
 * <p>A recording that needs what the backend has not (an option of {@link PlatformConfig}, a {@linkplain
 * SeamcallPlatform#inspection() way to look inside}) is skipped from there on, and the result says why.
 *
 * <p>Immutable and thread-safe, if the backend is. <b>Progress:</b> a replay takes as long as its calls take.
 */
public final class Conformance {
    private final Function<PlatformConfig, SeamcallPlatform> backend;
    private final Set<ComparisonRule> leftOut;

    private Conformance(Function<PlatformConfig, SeamcallPlatform> backend, Set<ComparisonRule> leftOut) {
        this.backend = backend;
        this.leftOut = leftOut;
    }

    /**
     * Prepares to test a backend, comparing everything.
     *
     * @param backend opens a machine, such as {@code factory::open}; every machine is closed when it is no longer needed
     * @return the test
     */
    public static Conformance of(Function<PlatformConfig, SeamcallPlatform> backend) {
        return new Conformance(Objects.requireNonNull(backend, "backend"), EnumSet.noneOf(ComparisonRule.class));
    }

    /**
     * Leaves something out of the comparison.
     *
     * @param rule what to leave out
     * @return a test that compares less
     */
    public Conformance leavingOut(ComparisonRule rule) {
        EnumSet<ComparisonRule> more = EnumSet.of(rule);
        more.addAll(leftOut);
        return new Conformance(backend, more);
    }

    /**
     * Replays a recording on a fresh machine.
     *
     * @param file a recording of a call sequence
     * @return what came of it
     * @throws IllegalArgumentException if a line of the recording makes no sense; the message says which
     */
    public ReplayResult replay(Recording file) {
        ResultBuilder result = new ResultBuilder(file.name());
        if (file.isLitmus()) {
            result.at(1, file.lines().get(0));
            result.skip("a recording of races, not of calls");
        } else if (file.header() == null) {
            replayEachLine(file, result);
        } else {
            replayBody(file, result);
        }
        return result.build();
    }

    private void replayBody(Recording file, ResultBuilder result) {
        JsonValue header = file.header();
        List<JsonValue> lines = file.lines();
        result.at(1, header);
        RecordedMachine machine = openOr(result, lines.size() - 1, () -> RecordedMachine.bringUp(header, backend));
        if (machine == null) {
            return;
        }
        try (machine) {
            Replay replay = new Replay(machine, header, leftOut, result);
            for (int i = 1; i < lines.size(); i++) {
                JsonValue line = lines.get(i);
                result.at(i + 1, line);
                List<JsonValue> following = lines.subList(i + 1, lines.size());
                guarded(file, i + 1, result, () -> replay.step(line, following));
            }
        }
    }

    /** Lines of SYS.CONFIG, each with a machine, TDMRs and inputs of its own. */
    private void replayEachLine(Recording file, ResultBuilder result) {
        for (int i = 0; i < file.lines().size(); i++) {
            JsonValue line = file.lines().get(i);
            result.at(i + 1, line);
            RecordedMachine machine =
                    openOr(result, 1, () -> RecordedMachine.initialised(RecordedMachine.platformOf(line), backend));
            if (machine != null) {
                try (machine) {
                    guarded(file, i + 1, result, () -> configure(machine, line, result));
                }
            }
        }
    }

    private static void configure(RecordedMachine machine, JsonValue line, ResultBuilder result) {
        SeamcallRegisters before = machine.prepareSysConfig(line);
        SeamcallRegisters regs = new SeamcallRegisters().set(before);
        long status = machine.platform().processor(0).seamcall(SeamcallLeaf.SYS_CONFIG.rax(), regs);
        result.call(line.get("status").text());
        JsonValue out = line.get("out");
        long expected = out.get("rax").number();
        if (status != expected) {
            result.differ("rax", TdxStatus.toString(expected), TdxStatus.toString(status));
        }
        Replay.compareRegisters(result, "", out, before, regs);
    }

    /** Opens a machine; null if the backend cannot be that machine, which is a skip, or if it is a bad one. */
    private static RecordedMachine openOr(ResultBuilder result, int lines, Supplier<RecordedMachine> opening) {
        try {
            return opening.get();
        } catch (MalformedLineException e) {
            throw e;
        } catch (IllegalArgumentException e) {
            for (int i = 0; i < lines; i++) {
                result.skip("the backend cannot be the recorded machine: " + e.getMessage());
            }
        } catch (BringUpException e) {
            result.differ("bring-up", "as recorded", e.getMessage());
        } catch (SeamcallUnavailableException e) {
            result.differ("bring-up", "as recorded", "the backend lost its module: " + e.getMessage());
        }
        return null;
    }

    /** What a backend throws is a difference (SPI-1); what is wrong with the recording is the caller's. */
    private static void guarded(Recording file, int line, ResultBuilder result, Runnable step) {
        try {
            step.run();
        } catch (MalformedLineException e) {
            throw new MalformedLineException(file.name() + ", line " + line + ": " + e.getMessage(), e);
        } catch (RuntimeException e) {
            result.differ("rax", "a status", "the backend threw " + e);
        }
    }
}
