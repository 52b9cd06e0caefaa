package dev.pamt.lab.experiment;

import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.RegionState;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.harness.ModuleInspection;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Compares what the manager and the module know of each 2M region, when no call is under way: a pair is where the manager says that one is,
 * no page is in two pairs, every page of a pair is marked as one, and no lock is held.
 */
final class Audit {
    private static final int TYPE = 0xFF;
    private static final int FREE = 0;
    private static final int MAPPED = 3;
    private static final int PAIR = 15;

    /** A lock word without its bit for host priority, which may stay. */
    private static final int HELD = ~2;

    private final TdxHost host;
    private final PamtManager manager;
    private final boolean managed;
    private final Seamcalls seamcalls;
    private final List<String> findings = new ArrayList<>();
    private final Set<Long> pairPages = new HashSet<>();
    private long pairs;
    /** Pairs that the module has and the manager has given up, because the module said that there was none. */
    private long pairsGivenUp;

    /**
     * Makes an audit.
     *
     * @param managed whether the manager has given all pairs; otherwise only the module is looked at
     */
    Audit(PamtManager manager, boolean managed) {
        this.manager = manager;
        pairsGivenUp = manager.stats().pairs().lost();
        this.managed = managed;
        host = manager.host();
        seamcalls = new Seamcalls(host.platform().processor(0));
    }

    /** Looks at all regions; returns what contradicts, a line each. */
    List<String> run() {
        for (PhysicalRange range : host.memory().ram()) {
            for (long hpa = range.baseHpa() & -PageAllocator.CHUNK_BYTES;
                    hpa < range.endHpa();
                    hpa += PageAllocator.CHUNK_BYTES) {
                look(hpa);
            }
        }
        return findings;
    }

    /** The regions that have a pair. */
    long pairs() {
        return pairs;
    }

    private void look(long region) {
        SeamcallRegisters regs = new SeamcallRegisters();
        long status = seamcalls.pageRdmd(regs, PageLevel.SIZE_2M.encode(region));
        if (TdxStatus.isError(status)) {
            // Memory below the first TDMR is none of the module's.
            if (!TdxStatus.OPERAND_ADDR_RANGE_ERROR.matches(status)) {
                findings.add(String.format("RDMD of region 0x%x answered %s", region, TdxStatus.toString(status)));
            }
            return;
        }
        int type = (int) regs.rcx & TYPE;
        RegionState.Kind kind = manager.state(region).kind();
        if (type == PAIR) {
            pairs++;
            addPairPage(region, regs.r10);
            addPairPage(region, regs.r11);
        }
        boolean agree =
                switch (kind) {
                    case BACKED, IDLE -> type == PAIR;
                    case EMPTY -> type == FREE || (type == PAIR && pairsGivenUp-- > 0);
                    case DONOR -> type == FREE;
                    case HUGE -> type == MAPPED;
                    default -> true;
                };
        if (managed && !agree) {
            findings.add(
                    String.format("region 0x%x is %s to the manager and of type %d to the module", region, kind, type));
        }
        host.platform().extension(ModuleInspection.class).ifPresent(inspection -> lookAtLock(inspection, region));
    }

    private void lookAtLock(ModuleInspection inspection, long region) {
        if ((inspection.lockWord(PageLevel.SIZE_2M, region) & HELD) != 0) {
            findings.add(String.format("the lock of region 0x%x is held", region));
        }
    }

    private void addPairPage(long region, long page) {
        if (!pairPages.add(page)) {
            findings.add(String.format("page 0x%x is in two pairs, the second that of region 0x%x", page, region));
        }
        boolean marked = host.platform()
                .extension(ModuleInspection.class)
                .map(inspection -> inspection.isInPageBitmap(page))
                .orElse(true);
        if (!marked) {
            findings.add(String.format("page 0x%x of the pair of region 0x%x is not marked", page, region));
        }
    }
}
