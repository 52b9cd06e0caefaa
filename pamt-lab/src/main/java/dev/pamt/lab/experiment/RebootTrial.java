package dev.pamt.lab.experiment;

import dev.pamt.lab.host.GuestMemory;
import dev.pamt.lab.host.Td;
import dev.pamt.lab.report.ResultTable.Cell;
import dev.pamt.lab.report.ResultTable.Column;
import dev.pamt.seamcall.SeamcallLeaf;
import java.util.ArrayList;
import java.util.List;

/**
 * Guests start, end, and start again on the same memory, as a guest does that reboots: what a policy that keeps pairs saves the second time,
 * and what it holds in between.
 */
public final class RebootTrial implements Trial {
    private final TrialSize size;

    /**
     * Makes a trial.
     *
     * @param size how large it is
     */
    public RebootTrial(TrialSize size) {
        this.size = size;
    }

    @Override
    public List<Column> columns() {
        return List.of(
                new Column("policy", "\npolicy", "when pairs are given and taken back"),
                new Column(
                        "adds1",
                        "ADDs\n1st",
                        "pairs given to the module, with a 4K page or a split, until all memory is taken over"),
                new Column("adds2", "ADDs\n2nd", "the same for the second start"),
                new Column("removes", "REMOVEs\nbetween", "pairs taken back when the TDs end the first time"),
                new Column("heldBytes", "held\nbetween", "memory of page pairs that stay while no TD runs"),
                new Column("bootNanos1", "start\n1st", "time until all memory is taken over"),
                new Column("bootNanos2", "start\n2nd", "the same for the second start"),
                new Column("endNanos", "\nend", "time until the TDs have ended the first time"),
                new Column("seamcalls", "SEAM-\nCALLs", "all calls of the module, from the first TD to the last"));
    }

    @Override
    public List<Cell> run(String label, Stage stage) throws InterruptedException {
        List<GuestMemory> memories = new ArrayList<>();
        for (int i = 0; i < size.tds(); i++) {
            memories.add(stage.lab().newMemory(size.memoryBytes(), size.backing()));
        }
        long[] adds = new long[2];
        long[] starts = new long[2];
        long removes = 0;
        long held = 0;
        long endNanos = 0;
        try {
            for (int round = 0; round < 2; round++) {
                long before = adds(stage);
                List<Td> tds = new ArrayList<>();
                try {
                    long start = System.nanoTime();
                    for (GuestMemory memory : memories) {
                        tds.add(stage.build(size.vcpus(), memory));
                    }
                    stage.useAll(tds);
                    starts[round] = System.nanoTime() - start;
                    adds[round] = adds(stage) - before;
                } finally {
                    long start = System.nanoTime();
                    tds.forEach(td -> stage.end(td, true));
                    endNanos = round == 0 ? System.nanoTime() - start : endNanos;
                }
                removes = round == 0 ? stage.succeeded(SeamcallLeaf.PHYMEM_PAMT_REMOVE) : removes;
                held = round == 0 ? stage.pairBytes() : held;
            }
        } finally {
            memories.forEach(GuestMemory::close);
        }
        return List.of(
                Cell.text(label),
                Cell.count(adds[0]),
                Cell.count(adds[1]),
                Cell.count(removes),
                Cell.bytes(held),
                Cell.time(starts[0]),
                Cell.time(starts[1]),
                Cell.time(endNanos),
                Cell.count(stage.seamcalls()));
    }

    private static long adds(Stage stage) {
        return stage.succeeded(SeamcallLeaf.PHYMEM_PAMT_ADD) + stage.succeeded(SeamcallLeaf.MEM_PAGE_DEMOTE);
    }
}
