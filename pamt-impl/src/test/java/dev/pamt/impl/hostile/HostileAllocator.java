package dev.pamt.impl.hostile;

import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtException;
import dev.pamt.api.PamtManager;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * An allocator with books, over regions that are cut into pages when no chunk is wanted, and whole again when all pages are
 * back. It fails at times, and in some worlds it gives what it may not give.
 *
 * <p>What it gives although it is out already is out for as long as the world runs: an allocator that is that wrong can be
 * found out only by a manager that has the page on its books for certain.
 */
final class HostileAllocator implements PageAllocator {
    private static final int PAGES_PER_REGION = 512;
    private static final int FEW_PAGES = 24;
    private static final ThreadLocal<Boolean> INSIDE = ThreadLocal.withInitial(() -> false);

    private final Ownership ownership;
    private final Journal journal;
    private final Profile profile;
    /** Free pages of each region that is cut; guarded by this. */
    private final Map<Integer, BitSet> cut = new HashMap<>();

    /** Regions that are whole; guarded by this. */
    private final List<Integer> whole = new ArrayList<>();

    /** Pages that are none to give, and how often they were given. */
    private final Map<Long, Integer> nonsense = new ConcurrentHashMap<>();

    /** Chunks that are none to give, likewise. */
    private final Map<Long, Integer> nonsenseChunks = new ConcurrentHashMap<>();

    private volatile long[] pinnedPages = {};
    private volatile long[] pinnedRegions = {};
    private PamtManager manager;
    private volatile boolean keepsRules;
    private volatile boolean calm = true;

    HostileAllocator(Ownership ownership, Journal journal, Profile profile) {
        this.ownership = ownership;
        this.journal = journal;
        this.profile = profile;
        for (int region = ownership.regions() - 1; region >= ownership.targets(); region--) {
            whole.add(region);
        }
    }

    void callsBack(PamtManager value) {
        manager = value;
    }

    /** An allocator may call the manager: it moves a page of its own in and out of a region that others use as well. */
    private void callBackAtTimes() {
        if (calm || INSIDE.get() || !Chance.oneIn(profile.reentries())) {
            return;
        }
        INSIDE.set(true);
        try {
            int region = Chance.below(World.SHARED);
            switch (Chance.below(4)) {
                case 0 -> manager.stats();
                case 1 -> ownership.whileTrimming(manager::trim);
                default -> {
                    manager.get(ownership.regionHpa(region));
                    ownership.gotten(region, 1);
                    ownership.putting(region, 1);
                    manager.put(ownership.regionHpa(region));
                }
            }
        } catch (Throwable refused) {
            journal.note(() -> "  the allocator's own call ends in " + refused);
            if (!(refused instanceof PamtException || Hostility.isHostile(refused) || isForRules(refused))) {
                journal.violation("the allocator's own call ends in " + refused, refused);
            }
        } finally {
            INSIDE.set(false);
        }
    }

    void setCalm(boolean value) {
        calm = value;
    }

    /** Names pages and regions that stay out until the world ends. */
    void pin(long[] pages, long[] regions) {
        pinnedPages = pages;
        pinnedRegions = regions;
    }

    /** Keeps to the rules from now on: what was pinned comes back. */
    void keepRules() {
        keepsRules = true;
    }

    boolean breaksRules() {
        return profile.rulesBroken() > 0;
    }

    /** Whether an exception is how the manager answers an allocator that breaks its rules: it names the page. */
    boolean isForRules(Throwable thrown) {
        return breaksRules()
                && thrown instanceof IllegalStateException
                && thrown.getMessage() != null
                && thrown.getMessage().contains("0x");
    }

    @Override
    public long allocPage() {
        callBackAtTimes();
        if (!calm) {
            if (Chance.oneIn(profile.noMemory())) {
                return NONE;
            }
            if (Chance.oneIn(profile.allocFails())) {
                if (Chance.oneIn(2)) {
                    long hpa = takePage();
                    if (hpa != NONE) {
                        ownership.forgotten(hpa);
                    }
                }
                throw Hostility.raise(Hostility.failure("allocPage"));
            }
            if (!keepsRules && Chance.oneIn(profile.rulesBroken())) {
                return wrongPage();
            }
        }
        long hpa = takePage();
        if (hpa != NONE) {
            ownership.given(hpa);
        }
        return hpa;
    }

    private long wrongPage() {
        long hpa =
                switch (Chance.below(4)) {
                    case 0 -> nonsense(nonsense, ownership.regionHpa(ownership.targets()) + 8);
                    case 1 -> nonsense(nonsense, ownership.regionHpa(ownership.regions() + 1));
                    default -> pinnedPages[Chance.below(pinnedPages.length)];
                };
        journal.note(() -> "  the allocator gives page 0x" + Long.toHexString(hpa) + ", against the rules");
        return hpa;
    }

    private long wrongChunk() {
        long hpa =
                switch (Chance.below(4)) {
                    case 0 -> nonsense(nonsenseChunks, ownership.regionHpa(ownership.targets()) + 4096);
                    case 1 -> nonsense(nonsenseChunks, ownership.regionHpa(ownership.regions() + 1));
                    default -> pinnedRegions[Chance.below(pinnedRegions.length)];
                };
        if (ownership.isPage(hpa) && !ownership.isChunk(hpa)) {
            nonsense(nonsenseChunks, hpa);
        }
        journal.note(() -> "  the allocator gives chunk 0x" + Long.toHexString(hpa) + ", against the rules");
        return hpa;
    }

    private static long nonsense(Map<Long, Integer> given, long hpa) {
        given.merge(hpa, 1, Integer::sum);
        return hpa;
    }

    private static boolean isNonsense(Map<Long, Integer> given, long hpa) {
        boolean[] found = new boolean[1];
        given.computeIfPresent(hpa, (key, count) -> {
            found[0] = true;
            return count == 1 ? null : count - 1;
        });
        return found[0];
    }

    private synchronized long takePage() {
        for (Map.Entry<Integer, BitSet> region : cut.entrySet()) {
            int page = region.getValue().nextSetBit(0);
            if (page >= 0) {
                region.getValue().clear(page);
                return ownership.regionHpa(region.getKey()) + page * PAGE_BYTES;
            }
        }
        if (whole.isEmpty()) {
            return NONE;
        }
        int region = whole.remove(whole.size() - 1);
        BitSet free = new BitSet();
        free.set(1, profile.chunks() ? PAGES_PER_REGION : FEW_PAGES);
        cut.put(region, free);
        return ownership.regionHpa(region);
    }

    private synchronized void putPage(long hpa) {
        int region = ownership.regionOf(hpa);
        BitSet free = cut.get(region);
        free.set((int) ((hpa - ownership.regionHpa(region)) / PAGE_BYTES));
        if (profile.chunks() && free.cardinality() == PAGES_PER_REGION) {
            cut.remove(region);
            whole.add(0, region);
        }
    }

    @Override
    public void freePage(long hpa) {
        callBackAtTimes();
        if (isNonsense(nonsense, hpa) || !ownership.takenBack(hpa)) {
            return;
        }
        boolean fails = !calm && Chance.oneIn(profile.freeFails());
        boolean before = fails && Chance.oneIn(2);
        if (fails) {
            ownership.stranded(hpa, before);
        }
        if (!before) {
            putPage(hpa);
        }
        if (fails) {
            journal.note(() -> "  freePage of 0x" + Long.toHexString(hpa) + " fails"
                    + (before ? "" : ", after it has taken the page"));
            throw Hostility.raise(Hostility.failure("freePage"));
        }
    }

    @Override
    public long allocChunk() {
        callBackAtTimes();
        if (!profile.chunks()) {
            return NONE;
        }
        if (!calm) {
            if (Chance.oneIn(profile.noMemory())) {
                return NONE;
            }
            if (!keepsRules && Chance.oneIn(profile.rulesBroken())) {
                return wrongChunk();
            }
        }
        boolean fails = !calm && Chance.oneIn(profile.allocFails());
        boolean before = fails && Chance.oneIn(2);
        long hpa = before ? NONE : takeChunk();
        if (hpa != NONE && fails) {
            for (int i = 0; i < PAGES_PER_REGION; i++) {
                ownership.forgotten(hpa + i * PAGE_BYTES);
            }
        }
        if (fails) {
            throw Hostility.raise(Hostility.failure("allocChunk"));
        }
        if (hpa != NONE) {
            ownership.givenChunk(hpa);
            journal.note(() -> "  the allocator gives chunk 0x" + Long.toHexString(hpa));
        }
        return hpa;
    }

    private synchronized long takeChunk() {
        return whole.isEmpty() ? NONE : ownership.regionHpa(whole.remove(whole.size() - 1));
    }

    @Override
    public void freeChunk(long hpa) {
        callBackAtTimes();
        if (isNonsense(nonsenseChunks, hpa) || !ownership.takenBackChunk(hpa)) {
            return;
        }
        boolean fails = !calm && Chance.oneIn(profile.freeFails());
        boolean before = fails && Chance.oneIn(2);
        if (fails) {
            ownership.strandedChunk(hpa, before);
        }
        if (!before) {
            putChunk(hpa);
        }
        if (fails) {
            throw Hostility.raise(Hostility.failure("freeChunk"));
        }
    }

    private synchronized void putChunk(long hpa) {
        whole.add(0, ownership.regionOf(hpa));
    }
}
