package dev.pamt.lab.experiment;

import dev.pamt.api.PamtException;
import dev.pamt.lab.host.Crew;
import dev.pamt.lab.host.GuestMemory;
import dev.pamt.lab.host.GuestMemory.Backing;
import dev.pamt.lab.host.LabCounts.Event;
import dev.pamt.lab.host.Td;
import dev.pamt.lab.host.Vcpu;
import dev.pamt.lab.report.ResultTable.Cell;
import dev.pamt.lab.report.ResultTable.Column;
import dev.pamt.seamcall.decorator.FaultInjection;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;

/**
 * Everything at once, with calls that fail: TDs are built and ended in a loop, their guests take memory over, and other threads convert, split,
 * merge and punch holes meanwhile. In the end nothing may be lost but what the host was not given back, and that by name; and manager and
 * module agree on every region.
 */
public final class TortureTrial implements Trial {
    private static final int MOST_PAGES = 1024;
    private static final int STEPS = 20;

    private final TrialSize size;
    private final Duration time;
    private final Supplier<FaultInjection> faults;

    /**
     * Makes a trial.
     *
     * @param size how large it is
     * @param time how long a row runs
     * @param faults what has the calls of the row's host fail
     */
    public TortureTrial(TrialSize size, Duration time, Supplier<FaultInjection> faults) {
        this.size = size;
        this.time = time;
        this.faults = faults;
    }

    @Override
    public List<Column> columns() {
        return List.of(
                new Column("policy", "\npolicy", "when pairs are given and taken back"),
                new Column("tds", "\nTDs", "TDs that were started"),
                new Column("seamcalls", "SEAM-\nCALLs", "all calls of the module"),
                new Column(
                        "injected",
                        "calls\nfailed",
                        "calls that were answered by an error without reaching the module"),
                new Column("refused", "given\nup", "builds, faults, splits and conversions that ended in an exception"),
                new Column("mapped4K", "mapped\n4K", "pages that were mapped as 4K"),
                new Column("mapped2M", "mapped\n2M", "chunks that were mapped as one page"),
                new Column("splits", "\nsplits", "2M pages that were split"),
                new Column("promoted", "\nmerges", "2M pages that were merged from 4K pages"),
                new Column("zapped", "\nzapped", "4K pages that were taken away from a running guest"),
                new Column("bugged", "\nbugged", "TDs that were given up because the module did not let a page go"),
                new Column(
                        "lost",
                        "lost\npages",
                        "pages that the module was not made to give back, each with a line of its own"),
                new Column(
                        "lostPairs",
                        "lost\npairs",
                        "pairs that the manager has given up, because of what the module answered"),
                new Column(
                        "left",
                        "pairs\nleft",
                        "pairs that are still in the module, under lost pages or lost themselves"));
    }

    @Override
    public List<Cell> run(String label, Stage stage) throws InterruptedException {
        LongAdder tds = new LongAdder();
        LongAdder refused = new LongAdder();
        LongAdder lostOfMemory = new LongAdder();
        long deadline = System.nanoTime() + time.toNanos();
        Crew.run(size.tds(), number -> {
            SplittableRandom random = new SplittableRandom(size.seed() * 1_000_003 + number);
            do {
                tds.increment();
                lostOfMemory.add(live(stage, random.split(), refused));
            } while (System.nanoTime() < deadline);
        });
        FaultInjection injection = faults.get();
        injection.stop();
        stage.lab().manager().trim();
        long lost = lostOfMemory.sum() + stage.lab().counts().of(Event.LOST_PAGE);
        long lostPairs = stage.lab().manager().stats().pairs().lost();
        stage.audit(lost, lost + lostPairs > 0);
        return List.of(
                Cell.text(label),
                Cell.count(tds.sum()),
                Cell.count(stage.seamcalls()),
                Cell.count(injection.injected()),
                Cell.count(refused.sum()),
                Cell.count(stage.lab().counts().of(Event.MAPPED_4K)),
                Cell.count(stage.lab().counts().of(Event.MAPPED_2M)),
                Cell.count(stage.lab().counts().of(Event.SPLIT)),
                Cell.count(stage.lab().counts().of(Event.PROMOTED) / GuestMemory.PAGES_PER_BLOCK),
                Cell.count(stage.lab().counts().of(Event.ZAPPED)),
                Cell.count(stage.lab().counts().of(Event.BUGGED_TD)),
                Cell.count(lost),
                Cell.count(lostPairs),
                Cell.count(stage.auditedPairs()));
    }

    /** The life of one TD; returns the pages of its memory that were lost. */
    private long live(Stage stage, SplittableRandom random, LongAdder refused) {
        Backing backing = random.nextBoolean() ? Backing.CHUNKS_2M : Backing.PAGES_4K;
        GuestMemory memory = stage.lab().newMemory(size.memoryBytes(), backing);
        Td td = stage.lab().newTd(size.vcpus(), memory);
        try {
            td.build(random.nextInt(4));
            long seed = random.nextLong();
            Crew.run(size.vcpus() + 1, number -> {
                SplittableRandom own = new SplittableRandom(seed + number);
                for (int step = 0; step < STEPS && td.state() == Td.State.RUNNABLE; step++) {
                    attempt(
                            refused,
                            number < size.vcpus()
                                    ? guestStep(stage, td, td.vcpus().get(number), own)
                                    : hostStep(td, own));
                }
            });
        } catch (PamtException e) {
            refused.increment();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            end(stage, td);
        }
        return memory.lostPages();
    }

    private static void attempt(LongAdder refused, Runnable step) {
        try {
            step.run();
        } catch (PamtException | IllegalStateException e) {
            refused.increment();
        }
    }

    private static Runnable guestStep(Stage stage, Td td, Vcpu vcpu, SplittableRandom random) {
        int pages = td.memory().blocks() * GuestMemory.PAGES_PER_BLOCK;
        int count = 1 + random.nextInt(Math.min(MOST_PAGES, pages));
        long gpa = random.nextInt(pages - count + 1) * GuestMemory.PAGE_BYTES;
        return () -> stage.use(td, vcpu, gpa, count);
    }

    private static Runnable hostStep(Td td, SplittableRandom random) {
        int block = random.nextInt(td.memory().blocks());
        int pages = td.memory().blocks() * GuestMemory.PAGES_PER_BLOCK;
        int count = 1 + random.nextInt(Math.min(MOST_PAGES, pages));
        long gpa = random.nextInt(pages - count + 1) * GuestMemory.PAGE_BYTES;
        return switch (random.nextInt(5)) {
            case 0 -> () -> td.mmu().split(block);
            case 1 -> () -> td.mmu().promote(block);
            case 2 -> () -> td.mmu().punchHole(block);
            case 3 -> () -> td.mmu().zap(gpa, count);
            default ->
                () -> {
                    td.mmu().convert(gpa, count, true);
                    td.mmu().convert(gpa, count, false);
                };
        };
    }

    private static void end(Stage stage, Td td) {
        try {
            stage.end(td, false);
        } catch (PamtException e) {
            // Its key did not come back, and none of its pages.
            stage.abandon(td, e);
        }
    }
}
