package dev.pamt.impl.hostile;

import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;

/** What happened in a world, and what of it must not happen. */
final class Journal {
    private static final int TAIL = 60;

    private final Queue<Entry> entries = new ConcurrentLinkedQueue<>();
    private final Queue<String> violations = new ConcurrentLinkedQueue<>();
    private final LongAdder cases = new LongAdder();
    private final LongAdder calls = new LongAdder();
    private final LongAdder lies = new LongAdder();

    private record Entry(String thread, Supplier<String> text) {}

    void note(Supplier<String> text) {
        entries.add(new Entry(Thread.currentThread().getName(), text));
    }

    void operation() {
        cases.increment();
    }

    void call() {
        calls.increment();
    }

    void lie() {
        lies.increment();
    }

    long cases() {
        return cases.sum();
    }

    long calls() {
        return calls.sum();
    }

    long lies() {
        return lies.sum();
    }

    void violation(String text) {
        violation(text, new Throwable("seen here"));
    }

    void violation(String text, Throwable where) {
        StringBuilder full = new StringBuilder(text);
        full.append(" [").append(Thread.currentThread().getName()).append("] ").append(where);
        for (StackTraceElement frame : where.getStackTrace()) {
            if (frame.getClassName().startsWith("dev.pamt")) {
                full.append("\n        at ").append(frame);
            }
        }
        violations.add(full.toString());
        note(() -> "VIOLATION " + text);
    }

    boolean isClean() {
        return violations.isEmpty();
    }

    String firstViolation() {
        return violations.peek();
    }

    /** The violations and what came before the first one. */
    String report() {
        List<String> lines = new ArrayList<>();
        for (Entry entry : entries) {
            String text = entry.text().get();
            lines.add("    " + entry.thread() + ": " + text);
            if (text.startsWith("VIOLATION")) {
                break;
            }
        }
        int from = Math.max(0, lines.size() - TAIL);
        return String.join("\n  ", violations.stream().limit(5).toList()) + "\n  the last of " + lines.size()
                + " events before that:\n" + String.join("\n", lines.subList(from, lines.size()));
    }
}
