package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.conformance.Line.Call;
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
    private final List<Call> calls;

    private ReplayProvider(Recording recording, Order order) {
        name = recording.name();
        this.order = Objects.requireNonNull(order, "order");
        if (recording.header() == null) {
            throw new IllegalArgumentException(name + " has no header");
        }
        calls = new ArrayList<>(recording.lines().stream()
                .filter(line -> line instanceof Call call && call.out() != null)
                .map(Call.class::cast)
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
     * The number of calls in the recording that have not been made yet.
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
            Call call = calls.get(i);
            if (call.rax() == rax && call.in().equals(regs)) {
                calls.remove(i);
                call.out().listed().into(regs);
                return call.out().rax();
            }
        }
        throw new SeamcallUnavailableException(String.format(
                "recording %s has no answer to a call with rax=0x%x %s; %s",
                name, rax, regs, calls.isEmpty() ? "it is at its end" : "next is " + describe(calls.get(0))));
    }

    private static String describe(Call call) {
        return call.place().name() + " with " + call.in();
    }
}
