package dev.pamt.benchmarks;

import dev.pamt.benchmarks.Growth.Point;
import java.util.List;
import java.util.Locale;

/** Draws what {@link Growth} has measured: two panels of bars, as a picture for the documentation. */
final class GrowthPlot {
    private static final int WIDTH = 760;
    private static final int HEIGHT = 320;
    private static final int TOP = 50;
    private static final int BASE = 260;
    private static final int PANEL = 380;
    private static final int LEFT = 50;

    private final double most;
    private final StringBuilder svg = new StringBuilder();

    private GrowthPlot(double most) {
        this.most = most;
    }

    static String of(List<Point> bySize, List<Point> byCount) {
        double most = 1.15
                * Math.max(
                        bySize.stream().mapToDouble(GrowthPlot::larger).max().orElse(1),
                        byCount.stream().mapToDouble(GrowthPlot::larger).max().orElse(1));
        GrowthPlot plot = new GrowthPlot(most);
        plot.svg.append(String.format(
                Locale.ROOT,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\""
                        + " font-size=\"12\">%n<rect width=\"%d\" height=\"%d\" fill=\"white\"/>%n",
                WIDTH,
                HEIGHT,
                WIDTH,
                HEIGHT));
        plot.panel(0, "one guest, by its size", bySize);
        plot.panel(PANEL, "TDs of 1 GiB, by their number", byCount);
        plot.legend();
        return plot.svg.append("</svg>\n").toString();
    }

    private static double larger(Point point) {
        return Math.max(point.faultNanos(), point.shutdownNanos());
    }

    private void panel(int x, String title, List<Point> points) {
        text(x + LEFT, TOP - 20, "start", title);
        int step = (int) Math.max(5, Math.ceil(most / 5 / 5) * 5);
        for (int nanos = 0; nanos < most; nanos += step) {
            svg.append(String.format(
                    Locale.ROOT,
                    "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>%n",
                    x + LEFT,
                    x + PANEL - 20,
                    y(nanos),
                    y(nanos)));
            text(x + LEFT - 6, y(nanos) + 4, "end", nanos + " ns");
        }
        double slot = (PANEL - 20.0 - LEFT) / points.size();
        for (int i = 0; i < points.size(); i++) {
            double left = x + LEFT + i * slot + slot * 0.15;
            bar(left, slot * 0.33, points.get(i).faultNanos(), "#3b6fb6");
            bar(left + slot * 0.36, slot * 0.33, points.get(i).shutdownNanos(), "#e0a33e");
            text(left + slot * 0.35, BASE + 18, "middle", points.get(i).label());
        }
    }

    private void bar(double left, double width, double nanos, String colour) {
        svg.append(String.format(
                Locale.ROOT,
                "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>%n",
                left,
                y(nanos),
                width,
                BASE - y(nanos),
                colour));
    }

    private void legend() {
        svg.append(String.format("<rect x=\"%d\" y=\"292\" width=\"12\" height=\"12\" fill=\"#3b6fb6\"/>%n", LEFT));
        text(LEFT + 18, 302, "start", "fault: page from the allocator, get");
        svg.append(
                String.format("<rect x=\"%d\" y=\"292\" width=\"12\" height=\"12\" fill=\"#e0a33e\"/>%n", LEFT + 260));
        text(LEFT + 278, 302, "start", "shutdown: put, page to the allocator; nanoseconds for each page");
    }

    private void text(double x, double y, String anchor, String text) {
        svg.append(String.format(
                Locale.ROOT, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>%n", x, y, anchor, text));
    }

    private double y(double nanos) {
        return BASE - nanos / most * (BASE - TOP);
    }
}
