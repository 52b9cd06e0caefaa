package dev.pamt.lab.experiment;

import dev.pamt.lab.host.Crew;
import dev.pamt.lab.host.GuestMemory;
import dev.pamt.lab.host.LabCounts.Event;
import dev.pamt.lab.host.Td;
import dev.pamt.lab.report.ResultTable.Cell;
import dev.pamt.lab.report.ResultTable.Column;
import dev.pamt.seamcall.SeamcallLeaf;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Guests start, convert memory back and forth, and end one after the other: how much memory a policy takes at each of these moments, and what
 * it asks of the module.
 */
public final class PolicyTrial implements Trial {
    private static final int MOST_PAGES = 1024;
    private static final int CONVERSIONS = 50;

    private final TrialSize size;

    /**
     * Makes a trial.
     *
     * @param size how large it is
     */
    public PolicyTrial(TrialSize size) {
        this.size = size;
    }

    @Override
    public List<Column> columns() {
        return List.of(
                new Column("policy", "\npolicy", "when pairs are given and taken back"),
                new Column(
                        "pairBytesUp",
                        "pairs\nup",
                        "memory of the page pairs when all guests have taken their memory over"),
                new Column("pairBytesPeak", "pairs\npeak", "the most that was seen"),
                new Column("pairBytesHalf", "pairs\nhalf", "when half of the TDs have ended"),
                new Column("pairBytesEnd", "pairs\nend", "when the last one has ended, before the host is cleared up"),
                new Column("adds", "\nADDs", "TDH.PHYMEM.PAMT.ADD that succeeded"),
                new Column("removes", "\nREMOVEs", "TDH.PHYMEM.PAMT.REMOVE that succeeded"),
                new Column("seamcalls", "SEAM-\nCALLs", "all calls of the module, from the first TD to the last"),
                new Column("mapped2M", "mapped\n2M", "chunks of guest memory that were mapped as one page"),
                new Column("refused2M", "refused\n2M", "chunks that could not be, because of a pair"),
                new Column("splits", "\nsplits", "2M pages that were split for a conversion"),
                new Column("busy", "\nBUSY", "calls that were answered TDX_OPERAND_BUSY"),
                new Column("missingPair", "missing\npair", "calls that were answered TDX_MISSING_PAMT_PAGE_PAIR"));
    }

    @Override
    public List<Cell> run(String label, Stage stage) throws InterruptedException {
        List<Td> tds = stage.build(size.tds(), size.vcpus(), size.memoryBytes(), size.backing());
        long up = 0;
        long half = 0;
        int ended = 0;
        try {
            stage.useAll(tds);
            up = stage.pairBytes();
            Crew.run(tds.size(), number -> convert(stage, tds.get(number), size.seed() + number));
            stage.pairs();
            for (; ended < (tds.size() + 1) / 2; ended++) {
                stage.end(tds.get(ended), false);
            }
            half = stage.pairBytes();
        } finally {
            for (; ended < tds.size(); ended++) {
                stage.end(tds.get(ended), false);
            }
        }
        return List.of(
                Cell.text(label),
                Cell.bytes(up),
                Cell.bytes(stage.peakBytes()),
                Cell.bytes(half),
                Cell.bytes(stage.pairBytes()),
                Cell.count(stage.succeeded(SeamcallLeaf.PHYMEM_PAMT_ADD)),
                Cell.count(stage.succeeded(SeamcallLeaf.PHYMEM_PAMT_REMOVE)),
                Cell.count(stage.seamcalls()),
                Cell.count(stage.lab().counts().of(Event.MAPPED_2M)),
                Cell.count(stage.lab().counts().of(Event.REFUSED_2M)),
                Cell.count(stage.lab().counts().of(Event.SPLIT)),
                Cell.count(stage.leaves().busy()),
                Cell.count(stage.leaves().missingPair()));
    }

    /** One vCPU has ranges of its memory made shared and private again, and takes them over. */
    private static void convert(Stage stage, Td td, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int pages = td.memory().blocks() * GuestMemory.PAGES_PER_BLOCK;
        for (int i = 0; i < CONVERSIONS; i++) {
            int count = 1 + random.nextInt(Math.min(MOST_PAGES, pages));
            long gpa = random.nextInt(pages - count + 1) * GuestMemory.PAGE_BYTES;
            td.mmu().convert(gpa, count, true);
            td.mmu().convert(gpa, count, false);
            stage.use(td, td.vcpus().get(0), gpa, count);
        }
    }
}
