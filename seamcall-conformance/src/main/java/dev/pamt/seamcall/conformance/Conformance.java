package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.conformance.Line.SysConfig;
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
 * SeamcallPlatform#extension way to look inside}) is skipped from there on, and the result says why.
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
     * @param recording a recording of a call sequence
     * @return what came of it
     * @throws IllegalArgumentException if the recording does not say on what machine it was made
     */
    public ReplayResult replay(Recording recording) {
        ResultBuilder result = new ResultBuilder(recording.name());
        if (recording.isLitmus()) {
            result.at(Header.PLACE);
            result.skip("a recording of races, not of calls");
        } else if (recording.header() == null) {
            replayEachLine(recording.lines(), result);
        } else {
            replayBody(recording, result);
        }
        return result.build();
    }

    private void replayBody(Recording recording, ResultBuilder result) {
        Header header = recording.header();
        if (header.platform() == null) {
            throw new IllegalArgumentException(recording.name() + " does not say on what machine it was made");
        }
        List<Line> lines = recording.lines();
        result.at(Header.PLACE);
        RecordedMachine machine = openOr(result, lines.size(), () -> RecordedMachine.bringUp(header, backend));
        if (machine == null) {
            return;
        }
        try (machine) {
            Replay replay = new Replay(machine, leftOut, result);
            for (int i = 0; i < lines.size(); i++) {
                Line line = lines.get(i);
                result.at(line.place());
                List<Line> following = lines.subList(i + 1, lines.size());
                guarded(result, () -> replay.step(line, following));
            }
        }
    }

    /** Lines of SYS.CONFIG, each with a machine, TDMRs and inputs of its own. */
    private void replayEachLine(List<Line> lines, ResultBuilder result) {
        for (Line line : lines) {
            result.at(line.place());
            if (line instanceof SysConfig config) {
                RecordedMachine machine =
                        openOr(result, 1, () -> RecordedMachine.initialised(config.platform(), backend));
                if (machine != null) {
                    try (machine) {
                        guarded(result, () -> configure(machine, config, result));
                    }
                }
            } else {
                result.skip(Replay.UNKNOWN_KIND);
            }
        }
    }

    private static void configure(RecordedMachine machine, SysConfig config, ResultBuilder result) {
        SeamcallRegisters before = machine.prepareSysConfig(config);
        SeamcallRegisters regs = new SeamcallRegisters().set(before);
        long status = machine.platform().processor(0).seamcall(SeamcallLeaf.SYS_CONFIG.rax(), regs);
        result.call(config.status());
        long expected = config.out().rax();
        if (status != expected) {
            result.differ("rax", TdxStatus.toString(expected), TdxStatus.toString(status));
        }
        Replay.compareRegisters(result, "", config.out().listed(), before, regs);
    }

    /** Opens a machine; null if the backend cannot be that machine, which is a skip, or if it is a bad one. */
    private static RecordedMachine openOr(ResultBuilder result, int lines, Supplier<RecordedMachine> opening) {
        try {
            return opening.get();
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

    /** What a backend throws is a difference (SPI-1). */
    private static void guarded(ResultBuilder result, Runnable step) {
        try {
            step.run();
        } catch (RuntimeException e) {
            result.differ("rax", "a status", "the backend threw " + e);
        }
    }
}
