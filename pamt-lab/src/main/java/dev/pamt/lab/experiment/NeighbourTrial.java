package dev.pamt.lab.experiment;

import dev.pamt.lab.host.Crew;
import dev.pamt.lab.host.GuestMemory;
import dev.pamt.lab.host.Td;
import dev.pamt.lab.host.TdMmu.Fault;
import dev.pamt.lab.host.Vcpu;
import dev.pamt.lab.report.ResultTable.Cell;
import dev.pamt.lab.report.ResultTable.Column;
import dev.pamt.seamcall.SeamcallLeaf;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.HdrHistogram.Histogram;

/**
 * Victims fault pages one by one; a neighbour has a page of its own made private and shared in a loop, so that its region is backed and
 * emptied each time. How long the victims' faults take alone, and beside the neighbour.
 */
public final class NeighbourTrial implements Trial {
    private final TrialSize size;
    private final Duration time;

    /**
     * Makes a trial; the last TD is the neighbour, and the others are victims.
     *
     * @param size how large it is
     * @param time how long the victims are measured, alone and again beside the neighbour
     */
    public NeighbourTrial(TrialSize size, Duration time) {
        this.size = size;
        this.time = time;
    }

    @Override
    public List<Column> columns() {
        List<Column> columns = new ArrayList<>();
        columns.add(new Column("policy", "\npolicy", "when pairs are given and taken back"));
        for (String when : List.of("alone", "beside")) {
            String meaning = "a victim's fault, from the top-up of its caches to the mapped page, " + when
                    + (when.equals("alone") ? "" : " the neighbour");
            columns.add(new Column(when + "P50Nanos", when + "\np50", meaning + "; the median"));
            columns.add(new Column(when + "P99Nanos", "\np99", "... one in a hundred takes longer"));
            columns.add(new Column(when + "P999Nanos", "\np99.9", "... one in a thousand takes longer"));
            columns.add(new Column(when + "MaxNanos", "\nmax", "... the longest"));
            columns.add(new Column(when + "Faults", "\nfaults", "... how many there were"));
        }
        columns.add(new Column(
                "conversions", "conver-\nsions", "pages that the neighbour has made private and shared again"));
        columns.add(new Column("adds", "\nADDs", "TDH.PHYMEM.PAMT.ADD that succeeded"));
        return columns;
    }

    @Override
    public List<Cell> run(String label, Stage stage) throws InterruptedException {
        List<Td> tds = stage.build(size.tds(), 1, size.memoryBytes(), size.backing());
        Histogram alone = new Histogram(3);
        Histogram beside = new Histogram(3);
        long[] conversions = new long[1];
        try {
            int victims = size.tds() - 1;
            Crew.run(victims, number -> add(alone, fault(tds.get(number), new AtomicBoolean())));
            AtomicBoolean done = new AtomicBoolean();
            Crew.run(victims + 1, number -> {
                if (number < victims) {
                    add(beside, fault(tds.get(number), done));
                } else {
                    conversions[0] = convert(tds.get(number), done);
                }
            });
        } finally {
            tds.forEach(td -> stage.end(td, false));
        }
        List<Cell> cells = new ArrayList<>();
        cells.add(Cell.text(label));
        for (Histogram histogram : List.of(alone, beside)) {
            cells.add(Cell.time(histogram.getValueAtPercentile(50)));
            cells.add(Cell.time(histogram.getValueAtPercentile(99)));
            cells.add(Cell.time(histogram.getValueAtPercentile(99.9)));
            cells.add(Cell.time(histogram.getMaxValue()));
            cells.add(Cell.count(histogram.getTotalCount()));
        }
        cells.add(Cell.count(conversions[0]));
        cells.add(Cell.count(stage.succeeded(SeamcallLeaf.PHYMEM_PAMT_ADD)));
        return cells;
    }

    private static void add(Histogram all, Histogram own) {
        synchronized (all) {
            all.add(own);
        }
    }

    /** Faults all memory page by page, takes it away again, and so on. */
    private Histogram fault(Td td, AtomicBoolean done) {
        Histogram histogram = new Histogram(3);
        Vcpu vcpu = td.vcpus().get(0);
        long bytes = td.memory().blocks() * GuestMemory.BLOCK_BYTES;
        long deadline = System.nanoTime() + time.toNanos();
        long gpa = 0;
        for (long now = System.nanoTime(); now - deadline < 0; ) {
            Fault fault = td.mmu().fault(vcpu, gpa, true);
            long end = System.nanoTime();
            if (fault == Fault.MAPPED) {
                histogram.recordValue(end - now);
                gpa += GuestMemory.PAGE_BYTES;
            }
            now = end;
            if (gpa == bytes) {
                for (int block = 0; block < td.memory().blocks(); block++) {
                    td.mmu().zap(block * GuestMemory.BLOCK_BYTES, GuestMemory.PAGES_PER_BLOCK);
                }
                gpa = 0;
                now = System.nanoTime();
            }
        }
        done.set(true);
        return histogram;
    }

    private static long convert(Td td, AtomicBoolean done) {
        Vcpu vcpu = td.vcpus().get(0);
        long conversions = 0;
        for (; !done.get(); conversions++) {
            Fault fault;
            do {
                fault = td.mmu().fault(vcpu, 0, true);
            } while (fault == Fault.AGAIN);
            td.mmu().convert(0, 1, true);
        }
        return conversions;
    }
}
