package dev.pamt.lab.experiment;

import dev.pamt.lab.host.Crew;
import dev.pamt.lab.host.GuestMemory;
import dev.pamt.lab.host.LabCounts.Event;
import dev.pamt.lab.host.SharedSplitCache;
import dev.pamt.lab.host.Td;
import dev.pamt.lab.report.ResultTable.Cell;
import dev.pamt.lab.report.ResultTable.Column;
import dev.pamt.seamcall.SeamcallLeaf;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * 2M-backed guests are split: single pages are converted at random by threads that are no vCPUs, and then all of their memory, as for dirty
 * logging; with pairs that each splitter reserves, and with a cache that all splitters of a TD share.
 */
public final class SplitTrial implements Trial {
    private static final int SPLITTERS = 4;

    private final TrialSize size;

    /**
     * Makes a trial.
     *
     * @param size how large it is
     */
    public SplitTrial(TrialSize size) {
        this.size = size;
    }

    @Override
    public List<Column> columns() {
        return List.of(
                new Column("policy", "\npolicy", "when pairs are given and taken back"),
                new Column(
                        "conversions",
                        "conver-\nsions",
                        "4K pages that were made shared, each in a 2M page or what was left of one"),
                new Column(
                        "conversionNanos",
                        "time\neach",
                        "time of a conversion, with its split, if there was one; mean"),
                new Column(
                        "reservedSplits",
                        "reserved\nsplits",
                        "all memory split by " + SPLITTERS
                                + " threads a TD, each of which sets its pairs aside before"),
                new Column("reservedNanos", "time\neach", "time of such a split; mean"),
                new Column("sharedSplits", "shared\nsplits", "the same with one cache for all splitters of a TD"),
                new Column("sharedNanos", "time\neach", "time of such a split; mean"),
                new Column(
                        "topUps",
                        "most\ntop-ups",
                        "how often one splitter had to top that cache up for one split, because others ate it"),
                new Column("kicks", "\nkicks", "vCPUs that were made to leave the guest"),
                new Column("demotes", "\nDEMOTEs", "TDH.MEM.PAGE.DEMOTE, those that failed included"),
                new Column("busy", "\nBUSY", "calls that were answered TDX_OPERAND_BUSY"),
                new Column("peakBytes", "peak\npairs", "memory of the most page pairs that were seen"));
    }

    @Override
    public List<Cell> run(String label, Stage stage) throws InterruptedException {
        long conversions = size.tds() * (long) size.blocks();
        long conversionNanos = whole(stage, this::convert);
        AtomicLong reserved = new AtomicLong();
        long reservedNanos = whole(stage, td -> reserved.addAndGet(split(stage, td)));
        AtomicLong shared = new AtomicLong();
        AtomicInteger topUps = new AtomicInteger();
        long sharedNanos = whole(stage, td -> shared.addAndGet(splitShared(stage, td, topUps)));
        return List.of(
                Cell.text(label),
                Cell.count(conversions),
                Cell.time(conversionNanos / Math.max(1, conversions)),
                Cell.count(reserved.get()),
                Cell.time(reservedNanos / Math.max(1, reserved.get())),
                Cell.count(shared.get()),
                Cell.time(sharedNanos / Math.max(1, shared.get())),
                Cell.count(topUps.get()),
                Cell.count(stage.lab().counts().of(Event.KICK)),
                Cell.count(stage.leaves().calls(SeamcallLeaf.MEM_PAGE_DEMOTE)),
                Cell.count(stage.leaves().busy()),
                Cell.bytes(stage.peakBytes()));
    }

    /** What is done to a TD whose memory was taken over. */
    private interface Part {
        void run(Td td) throws InterruptedException;
    }

    /** Starts TDs, has something done to all of them at once, and ends them; returns how long the middle part took. */
    private long whole(Stage stage, Part part) throws InterruptedException {
        List<Td> tds = stage.build(size.tds(), size.vcpus(), size.memoryBytes(), size.backing());
        try {
            stage.useAll(tds);
            return Crew.run(tds.size(), number -> part.run(tds.get(number)));
        } finally {
            tds.forEach(td -> stage.end(td, false));
        }
    }

    private void convert(Td td) {
        SplittableRandom random = new SplittableRandom(size.seed());
        int pages = size.blocks() * GuestMemory.PAGES_PER_BLOCK;
        for (int i = 0; i < size.blocks(); i++) {
            td.mmu().convert(random.nextInt(pages) * GuestMemory.PAGE_BYTES, 1, true);
        }
    }

    private long split(Stage stage, Td td) throws InterruptedException {
        AtomicLong splits = new AtomicLong();
        Crew.run(SPLITTERS, number -> {
            for (int block = 0; block < size.blocks(); block++) {
                if (td.mmu().split((block + number * size.blocks() / SPLITTERS) % size.blocks())) {
                    splits.incrementAndGet();
                }
            }
            stage.pairs();
        });
        return splits.get();
    }

    private long splitShared(Stage stage, Td td, AtomicInteger most) throws InterruptedException {
        AtomicLong splits = new AtomicLong();
        try (SharedSplitCache shared = new SharedSplitCache(stage.lab().manager())) {
            Crew.run(SPLITTERS, number -> {
                for (int block = 0; block < size.blocks(); block++) {
                    int topUps =
                            td.mmu().splitFrom((block + number * size.blocks() / SPLITTERS) % size.blocks(), shared);
                    most.accumulateAndGet(topUps, Math::max);
                    splits.addAndGet(topUps > 0 ? 1 : 0);
                }
                stage.pairs();
            });
        }
        return splits.get();
    }
}
