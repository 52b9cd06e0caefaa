package dev.pamt.impl;

import dev.pamt.api.RegionsInUseException;
import dev.pamt.api.RegionsInUseException.Leftover;
import dev.pamt.impl.PairRemover.Reclaim;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The close of a manager: finds out whether any region is in use, and gives everything back if none is. */
final class ManagerClose {
    private static final Logger LOG = LoggerFactory.getLogger(ManagerClose.class);

    private final RegionTable table;
    private final PairRemover remover;
    private final ManagerLifecycle lifecycle;
    private final PairPool pool;
    private final PairRecords records;
    private final Counters counters;
    private final RetryQueue retries;

    ManagerClose(
            RegionTable table,
            PairRemover remover,
            ManagerLifecycle lifecycle,
            PairPool pool,
            PairRecords records,
            Counters counters,
            RetryQueue retries) {
        this.table = table;
        this.remover = remover;
        this.lifecycle = lifecycle;
        this.pool = pool;
        this.records = records;
        this.counters = counters;
        this.retries = retries;
    }

    /**
     * Closes the manager, unless it is closed or is being closed by this thread. What comes after it must not throw.
     *
     * @return whether this call has done it
     * @throws RegionsInUseException if regions are in use; the manager stays open
     */
    boolean close() {
        List<Leftover> leftovers = new ArrayList<>();
        List<Region> outOfReach = new ArrayList<>();
        if (!lifecycle.beginClose()) {
            return false;
        }
        boolean ends = false;
        try {
            reclaimAll(leftovers, outOfReach);
            ends = leftovers.isEmpty() && abandon(outOfReach, leftovers);
        } finally {
            lifecycle.decide(ends);
        }
        if (!leftovers.isEmpty()) {
            throw new RegionsInUseException(leftovers);
        }
        return true;
    }

    /**
     * Takes back every pair that can come back, and finds the regions that are in use. Each is looked at under its lock: a get
     * that was there first has published its users, one that comes later sees that the manager is closing.
     *
     * @param outOfReach gets the regions that are idle because the module is out of reach, and in no one's way
     */
    private void reclaimAll(List<Leftover> leftovers, List<Region> outOfReach) {
        table.forEach((hpa, words, slot) -> {
            Region region = new Region(hpa, words, slot);
            Reclaim reclaim = Reclaim.NOT_IDLE;
            int word = region.word();
            do {
                if (Reclaimer.needsReclaim(word)) {
                    reclaim = remover.reclaimAtLast(hpa);
                }
                word = remover.settledWord(region);
                // A put beside this may have left the region idle after the first look.
            } while (RegionWord.isIdle(word) && reclaim != Reclaim.FAILED && reclaim != Reclaim.OUT_OF_REACH);
            if (RegionWord.isIdle(word) && reclaim == Reclaim.OUT_OF_REACH) {
                outOfReach.add(region);
            } else if (RegionWord.isBacked(word) || RegionWord.state(word) == RegionWord.HUGE) {
                leftovers.add(new Leftover(hpa, RegionWord.describe(word)));
            }
        });
    }

    /**
     * Takes all idle regions out of backed whose module is out of reach, so that no get finds them idle in a closed manager. If
     * one has got a user meanwhile, it is a leftover and all are as before.
     *
     * @return whether all are abandoned
     */
    private boolean abandon(List<Region> outOfReach, List<Leftover> leftovers) {
        for (Region region : outOfReach) {
            if (!remover.abandon(region)) {
                leftovers.add(new Leftover(region.hpa, region.describe()));
                outOfReach.forEach(remover::resume);
                return false;
            }
        }
        return true;
    }

    /** Gives back what the manager has, and waits for what is in the hands of calls under way. Does not throw. */
    void giveAllBack() {
        try {
            lifecycle.closeCaches();
        } finally {
            pool.close();
        }
        counters.pairsLostInstalled(records.loseAll());
        retries.clear();
        report(pool.awaitPages());
    }

    /** Logs what a close leaves behind. A logger that fails keeps no host open. */
    private void report(long pagesOut) {
        try {
            if (pagesOut > 0) {
                LOG.warn(
                        "the manager is closed; {} page(s) are not back yet: those of calls under way come with them, those"
                                + " of allocPage that were never freed are not the manager's any more",
                        pagesOut);
            }
            long installed = counters.installedPairs();
            long lost = counters.lostPairs();
            if (installed != 0 || lost != 0) {
                LOG.warn(
                        "the manager is closed; {} page pair(s) are still counted as installed, and {} are lost: the module"
                                + " may hold them for ever",
                        installed,
                        lost);
            }
        } catch (RuntimeException | Error dropped) {
            // Nothing is left to do but to close the host.
            return;
        }
    }
}
