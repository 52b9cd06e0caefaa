package dev.pamt.tck;

import java.util.Locale;

/** What a test reports: the rule that is broken, and the values that show it. */
final class BrokenRule {
    private BrokenRule() {}

    static AssertionError of(String rule, String format, Object... arguments) {
        return new AssertionError(text(rule, format, arguments));
    }

    static AssertionError of(Throwable cause, String rule, String format, Object... arguments) {
        return new AssertionError(text(rule, format, arguments), cause);
    }

    private static String text(String rule, String format, Object... arguments) {
        return rule + ": " + String.format(Locale.ROOT, format, arguments);
    }
}
