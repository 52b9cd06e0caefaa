package dev.pamt.lab.measure;

import java.util.HashSet;
import java.util.Set;
import java.util.function.LongFunction;

/**
 * The physical pages of a process in the order of their addresses in the process, each once.
 *
 * <p>Immutable and thread-safe.
 */
public final class Placement {
    private final Origin origin;
    private final RunList runs;
    private final RegionUse use;

    private Placement(Origin origin, RunList runs, RegionUse use) {
        this.origin = origin;
        this.runs = runs;
        this.use = use;
    }

    /**
     * Makes a placement of runs that have each page once.
     *
     * @param origin what it is of
     * @param runs the runs
     * @param regions the regions that the runs make up
     */
    static Placement of(Origin origin, RunList runs, RegionMap regions) {
        return new Placement(origin, runs, RegionUse.of(runs, regions));
    }

    /**
     * Makes a placement of runs that may have a page more than once. It counts where it occurs first, and as part of a huge page
     * if it occurs as that.
     *
     * @param mapped the runs
     * @param origin what the placement is of, given the number of pages that occurred again
     */
    static Placement distinct(RunList mapped, LongFunction<Origin> origin) {
        RegionMap regions = new RegionMap();
        for (int run = 0; run < mapped.size(); run++) {
            if (mapped.backing(run).isLarge()) {
                for (long page = mapped.page(run); page < mapped.endPage(run); page += Pages.PER_REGION) {
                    regions.addLarge(Pages.regionOf(page));
                }
            }
        }
        RunList distinct = new RunList();
        Set<Long> largeSeen = new HashSet<>();
        long again = 0;
        for (int run = 0; run < mapped.size(); run++) {
            Backing backing = mapped.backing(run);
            int step = backing.isLarge() ? Pages.PER_REGION : 1;
            for (long page = mapped.page(run); page < mapped.endPage(run); page += step) {
                boolean isNew =
                        backing.isLarge() ? largeSeen.add(Pages.regionOf(page)) : regions.addSmall(page, backing);
                if (isNew) {
                    distinct.add(page, step, backing);
                } else {
                    again += step;
                }
            }
        }
        return of(origin.apply(again), distinct, regions);
    }

    /**
     * What the placement is of.
     *
     * @return the origin
     */
    public Origin origin() {
        return origin;
    }

    /**
     * The 2M regions that the pages lie in.
     *
     * @return counts
     */
    public RegionUse use() {
        return use;
    }

    /**
     * Visits all pages in order, in runs of physically consecutive pages of one backing.
     *
     * @param visitor is given each run
     */
    public void forEachRun(RunVisitor visitor) {
        for (int run = 0; run < runs.size(); run++) {
            visitor.visit(Pages.bytes(runs.page(run)), runs.pages(run), runs.backing(run));
        }
    }

    /** The same counts without a page. */
    Placement withoutPages() {
        return new Placement(origin, new RunList(), use);
    }

    RunList runs() {
        return runs;
    }

    /** Visits runs of pages. */
    @FunctionalInterface
    public interface RunVisitor {
        /**
         * Visits a run.
         *
         * @param hpa the first page
         * @param pages how many 4K pages; a multiple of 512 if the backing is large
         * @param backing their backing
         */
        void visit(long hpa, long pages, Backing backing);
    }
}
