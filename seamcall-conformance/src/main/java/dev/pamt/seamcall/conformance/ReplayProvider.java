package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * Answers calls from a recording, without a module: with the status and the registers that the recorded call had.
 *
 * <p>A call that the recording does not have next is answered by a {@link SeamcallUnavailableException} that says which call
 * came and which was expected: there is no module that could know the answer.
 *
 * <p><b>Thread-safety:</b> any number of threads; one at a time is answered. <b>Progress:</b> waits for other callers.
 */
public final class ReplayProvider implements SeamcallProvider {
    /** In which order calls are answered. */
    public enum Order {
        /** As recorded: any other call is refused. */
        AS_RECORDED,
        /** Each call by the first one recorded with the same inputs that was not used yet: threads may come as they like. */
        ANY
    }

    private final String name;
    private final Order order;
    private final JsonValue unlisted;
    private final List<JsonValue> calls;

    private ReplayProvider(Recording recording, Order order) {
        name = recording.name();
        this.order = Objects.requireNonNull(order, "order");
        if (recording.header() == null) {
            throw new MalformedLineException(name + " has no header");
        }
        unlisted = recording.header().get("unlisted_regs");
        calls = new ArrayList<>(recording.lines().stream()
                .filter(line -> line.has("leaf") && line.has("out"))
                .toList());
    }

    /**
     * Prepares to answer from a recording.
     *
     * @param recording a recording or a trace of calls
     * @param order in which order calls are answered
     * @return the provider
     * @throws IllegalArgumentException if the recording has no header
     */
    public static ReplayProvider of(Recording recording, Order order) {
        return new ReplayProvider(recording, order);
    }

    /**
     * The number of calls in the recording that nobody has made yet.
     *
     * @return calls
     */
    public synchronized int remaining() {
        return calls.size();
    }

    @Override
    public synchronized long seamcall(long rax, SeamcallRegisters regs) {
        int candidates = order == Order.ANY ? calls.size() : Math.min(1, calls.size());
        for (int i = 0; i < candidates; i++) {
            JsonValue call = calls.get(i);
            if (Registers.rax(call) == rax
                    && Registers.inputs(call.get("in"), unlisted).equals(regs)) {
                calls.remove(i);
                return answer(call.get("out"), regs);
            }
        }
        throw new SeamcallUnavailableException(String.format(
                "recording %s has no answer to a call with rax=0x%x %s; %s",
                name, rax, regs, calls.isEmpty() ? "it is at its end" : "next is " + describe(calls.get(0))));
    }

    private String describe(JsonValue call) {
        return call.get("leaf").text() + " with " + Registers.inputs(call.get("in"), unlisted);
    }

    private static long answer(JsonValue out, SeamcallRegisters regs) {
        for (TdxOperand register : SeamcallRegisters.OPERANDS) {
            JsonValue listed = out.find(Registers.name(register));
            if (listed != null) {
                regs.set(register, listed.number());
            }
        }
        return out.get("rax").number();
    }
}
