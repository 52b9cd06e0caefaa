package dev.pamt.lab.report;

import java.util.Locale;

/** Numbers as people read them. */
public final class Text {
    private static final String[] UNITS = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};

    private Text() {}

    /**
     * A number of bytes, such as {@code 41.4 MiB}.
     *
     * @param bytes a number of bytes
     * @return the text
     */
    public static String bytes(long bytes) {
        int unit = 0;
        double value = bytes;
        while (value >= 1024 && unit < UNITS.length - 1) {
            value /= 1024;
            unit++;
        }
        boolean whole = value == Math.rint(value);
        return String.format(Locale.ROOT, whole ? "%.0f %s" : "%.1f %s", value, UNITS[unit]);
    }

    /**
     * A time, such as {@code 1.3 ms}.
     *
     * @param nanos nanoseconds
     * @return the text
     */
    public static String time(long nanos) {
        if (nanos == 0) {
            return "0";
        } else if (nanos < 1_000_000) {
            return String.format(Locale.ROOT, "%.1f us", nanos / 1e3);
        } else if (nanos < 1_000_000_000) {
            return String.format(Locale.ROOT, "%.1f ms", nanos / 1e6);
        }
        return String.format(Locale.ROOT, "%.1f s", nanos / 1e9);
    }

    /**
     * A count, such as {@code 2,621,440}.
     *
     * @param count a count
     * @return the text
     */
    public static String count(long count) {
        return String.format(Locale.ROOT, "%,d", count);
    }

    /**
     * A count of things, such as {@code 1 TD} or {@code 10 TDs}.
     *
     * @param count how many
     * @param one what one of them is called
     * @return the text
     */
    public static String count(long count, String one) {
        return count(count) + " " + one + (count == 1 ? "" : "s");
    }
}
