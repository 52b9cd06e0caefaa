package dev.pamt.lab.experiment;

import dev.pamt.lab.host.Crew;
import dev.pamt.lab.host.GuestMemory;
import dev.pamt.lab.host.Td;
import dev.pamt.lab.host.Vcpu;
import dev.pamt.lab.report.ResultTable.Cell;
import dev.pamt.lab.report.ResultTable.Column;
import dev.pamt.seamcall.SeamcallLeaf;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Three ways to start a guest: its memory comes as it is touched, is populated before, or is mapped before. */
public final class BootTrial implements Trial {
    private final TrialSize size;

    /** When a guest's memory comes. */
    private enum Way {
        ON_DEMAND("on demand"),
        POPULATED("populated"),
        PREFAULTED("prefaulted");

        private final String text;

        Way(String text) {
            this.text = text;
        }
    }

    /** What one way has taken. */
    private record Times(long before, long guest, long adds, long contended) {}

    /**
     * Makes a trial.
     *
     * @param size how large it is
     */
    public BootTrial(TrialSize size) {
        this.size = size;
    }

    @Override
    public List<Column> columns() {
        List<Column> columns = new ArrayList<>();
        columns.add(new Column("policy", "\npolicy", "when pairs are given and taken back"));
        for (Way way : Way.values()) {
            String name = way.name().toLowerCase(Locale.ROOT).replace("_", "");
            String meaning =
                    switch (way) {
                        case ON_DEMAND -> "memory comes from the host when the guest takes it over";
                        case POPULATED -> "it is taken from the host before, and mapped when the guest takes it over";
                        case PREFAULTED -> "it is mapped before the guest runs";
                    };
            columns.add(new Column(name + "BeforeNanos", way.text + "\nbefore", meaning + ": until the guest runs"));
            columns.add(
                    new Column(name + "GuestNanos", "\nguest", "... and from there until it has all of its memory"));
            columns.add(new Column(name + "Adds", "\nADDs", "... pairs given to the module"));
            columns.add(new Column(
                    name + "Contended", "\ncontended", "... locks of the manager that had to be waited for"));
        }
        return columns;
    }

    @Override
    public List<Cell> run(String label, Stage stage) throws InterruptedException {
        List<Cell> cells = new ArrayList<>();
        cells.add(Cell.text(label));
        for (Way way : Way.values()) {
            Times times = start(stage, way);
            cells.add(Cell.time(times.before));
            cells.add(Cell.time(times.guest));
            cells.add(Cell.count(times.adds));
            cells.add(Cell.count(times.contended));
        }
        return cells;
    }

    private Times start(Stage stage, Way way) throws InterruptedException {
        long addsBefore = stage.succeeded(SeamcallLeaf.PHYMEM_PAMT_ADD);
        long contendedBefore = stage.lab().manager().stats().locks().contended();
        long start = System.nanoTime();
        List<Td> tds = stage.build(size.tds(), size.vcpus(), size.memoryBytes(), size.backing());
        try {
            if (way != Way.ON_DEMAND) {
                Crew.run(tds.size(), number -> prepare(tds.get(number), way));
            }
            long ready = System.nanoTime();
            long guest = stage.useAll(tds);
            return new Times(
                    ready - start,
                    guest,
                    stage.succeeded(SeamcallLeaf.PHYMEM_PAMT_ADD) - addsBefore,
                    stage.lab().manager().stats().locks().contended() - contendedBefore);
        } finally {
            tds.forEach(td -> stage.end(td, false));
        }
    }

    private static void prepare(Td td, Way way) {
        Vcpu vcpu = td.vcpus().get(0);
        GuestMemory memory = td.memory();
        long bytes = memory.blocks() * GuestMemory.BLOCK_BYTES;
        for (long gpa = 0; gpa < bytes; gpa += GuestMemory.PAGE_BYTES) {
            if (way == Way.POPULATED) {
                memory.populate(gpa);
            } else {
                td.mmu().fault(vcpu, gpa, false);
            }
        }
    }
}
