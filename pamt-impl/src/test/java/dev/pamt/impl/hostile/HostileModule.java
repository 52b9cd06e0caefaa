package dev.pamt.impl.hostile;

import dev.pamt.api.PamtException;
import dev.pamt.api.PamtManager;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * A module that knows which pair each region was given, and that does and answers as it likes.
 *
 * <p>What it does is in {@link #real}; what it says is what {@link Ownership} follows.
 */
final class HostileModule implements SeamcallProvider {
    private static final long MISALIGNED = 1;
    private static final int REMEMBERED = 32;
    private static final List<TdxStatus> STATUSES = List.of(TdxStatus.values());
    private static final TdxOperand[] BUSY_OPERANDS = {
        TdxOperand.RAX, TdxOperand.RCX, TdxOperand.RDX, TdxOperand.R8, TdxOperand.R12, TdxOperand.R13
    };

    private final Ownership ownership;
    private final Journal journal;
    private final Profile profile;
    private final AtomicReferenceArray<Pair> real;
    private final AtomicIntegerArray inside;
    private final AtomicIntegerArray busyLeft;
    private final AtomicReferenceArray<Pair> returnedBefore = new AtomicReferenceArray<>(REMEMBERED);
    private final AtomicLongArray usersPages = new AtomicLongArray(REMEMBERED);
    private final AtomicInteger addsInDeath = new AtomicInteger();
    private PamtManager manager;
    private volatile boolean calm = true;
    private volatile boolean dead;
    private volatile boolean deadIsSent;

    HostileModule(Ownership ownership, Journal journal, Profile profile) {
        this.ownership = ownership;
        this.journal = journal;
        this.profile = profile;
        real = new AtomicReferenceArray<>(ownership.regions());
        inside = new AtomicIntegerArray(ownership.regions());
        busyLeft = new AtomicIntegerArray(ownership.regions());
    }

    void setCalm(boolean value) {
        calm = value;
    }

    void callsBack(PamtManager value) {
        manager = value;
    }

    /** A backend must not call the manager: what needs a transition is refused, and nothing waits for ever. */
    private void callBackAtTimes() {
        if (calm || !Chance.oneIn(profile.reentries())) {
            return;
        }
        try {
            switch (Chance.below(4)) {
                case 0 -> ownership.whileTrimming(manager::trim);
                case 1 -> manager.map2M(ownership.regionHpa(0));
                case 2 -> ownership.whileTrimming(manager::close);
                default -> manager.stats();
            }
        } catch (PamtException refused) {
            journal.note(() -> "  a call from inside the module is refused: " + refused);
        }
    }

    /** Answers nothing any more; the calls are, or are not, sent. */
    synchronized void die(boolean sent) {
        if (!dead) {
            deadIsSent = sent;
            dead = true;
        }
    }

    boolean isDead() {
        return dead;
    }

    /**
     * Once the module is found dead, a get sends no pair after the others: one for each call that did not know yet, of which a
     * thread has two if the allocator makes calls of its own.
     */
    void requireFewPairsInDeath() {
        if (addsInDeath.get() > profile.threads() * (profile.reentries() > 0 ? 2 : 1)) {
            journal.violation(addsInDeath + " pairs were sent into a dead module by " + profile.threads() + " threads");
        }
    }

    /** Notes a page that a user has, as something that could be answered. */
    void seeUsersPage(long hpa) {
        usersPages.set(Chance.below(REMEMBERED), hpa);
    }

    @Override
    public long seamcall(long rax, SeamcallRegisters regs) {
        journal.call();
        if (rax != SeamcallLeaf.PHYMEM_PAMT_ADD.rax() && rax != SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax()) {
            journal.violation("the manager makes call " + rax);
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX);
        }
        boolean add = rax == SeamcallLeaf.PHYMEM_PAMT_ADD.rax();
        if (add && regs.rdx == MISALIGNED && regs.r8 == MISALIGNED) {
            return probe();
        }
        if ((regs.rcx & 7) != 1 || !ownership.isPage(regs.rcx & ~7)) {
            journal.violation("a call for 0x" + Long.toHexString(regs.rcx));
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
        }
        int region = ownership.regionOf(regs.rcx);
        ownership.requireNoUsers(region, add ? "ADD" : "REMOVE");
        if (add) {
            return pairIn(region, "ADD", regs.rdx, regs.r8, TdxOperand.RDX, TdxOperand.R8);
        }
        ownership.requirePairOrDoubt(region);
        long[] pages = {regs.rdx, regs.r8};
        long status = pairOut(region, "REMOVE", pages);
        regs.rdx = pages[0];
        regs.r8 = pages[1];
        return status;
    }

    long demote(int region, long page0Hpa, long page1Hpa) {
        return pairIn(region, "DEMOTE", page0Hpa, page1Hpa, TdxOperand.R12, TdxOperand.R13);
    }

    long promote(int region, SeamcallRegisters regs) {
        long[] pages = {regs.r12, regs.r13};
        long status = pairOut(region, "PROMOTE", pages);
        regs.r12 = pages[0];
        regs.r13 = pages[1];
        return status;
    }

    private long probe() {
        if (dead) {
            throw gone("probe");
        }
        if (!calm && Chance.oneIn(profile.unanswered())) {
            throw Hostility.raise(Hostility.noAnswer("probe"));
        }
        long status = !calm && Chance.oneIn(profile.addLies())
                ? randomStatus()
                : TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX);
        journal.note(() -> "  probe answers " + TdxStatus.toString(status));
        return status;
    }

    /** ADD and DEMOTE: the manager learns the status, and the pages go where the status says. */
    private long pairIn(int region, String leaf, long page0Hpa, long page1Hpa, TdxOperand page0, TdxOperand page1) {
        enter(region, leaf);
        Pair pair = ownership.donated(region, page0Hpa, page1Hpa);
        try {
            long status = answerIn(region, leaf, pair, page0, page1);
            journal.note(() ->
                    "  " + leaf + " of " + pair + " to region " + region + " answers " + TdxStatus.toString(status));
            if (TdxStatus.isError(status)) {
                ownership.refused(pair);
                if (blames(status, page0, page1)) {
                    ownership.refusedForItsPages(pair);
                }
            } else {
                ownership.installed(region, pair);
            }
            return status;
        } catch (Throwable thrown) {
            journal.note(() -> "  " + leaf + " of " + pair + " to region " + region + " throws " + thrown);
            if (Hostility.mayHaveBeenMade(thrown)) {
                ownership.unanswered(region, pair);
            } else {
                ownership.refused(pair);
            }
            throw thrown;
        } finally {
            inside.set(region, 0);
        }
    }

    private long answerIn(int region, String leaf, Pair pair, TdxOperand page0, TdxOperand page1) {
        long busy = disturbed(region, leaf, () -> real.set(region, pair));
        if (busy != 0) {
            return busy;
        }
        if (!calm && Chance.oneIn(profile.addLies())) {
            journal.lie();
            if (Chance.below(4) == 0) {
                real.set(region, pair);
            }
            return switch (Chance.below(8)) {
                case 0 -> TdxStatus.SUCCESS.code();
                case 1, 2 -> TdxStatus.PAGE_NOT_FREE.with(Chance.oneIn(2) ? page0 : page1);
                case 3 -> TdxStatus.OPERAND_INVALID.with(Chance.oneIn(2) ? page0 : page1);
                case 4 -> TdxStatus.OPERAND_ADDR_RANGE_ERROR.with(Chance.oneIn(2) ? page0 : page1);
                case 5 -> TdxStatus.HPA_RANGE_NOT_FREE.with(TdxOperand.RCX);
                default -> randomStatus();
            };
        }
        if (real.get(region) != null) {
            return TdxStatus.HPA_RANGE_NOT_FREE.with(TdxOperand.RCX);
        }
        for (int other = 0; other < real.length(); other++) {
            Pair there = real.get(other);
            if (there != null && (isOf(there, pair.page0Hpa()) || isOf(there, pair.page1Hpa()))) {
                return TdxStatus.PAGE_NOT_FREE.with(isOf(there, pair.page0Hpa()) ? page0 : page1);
            }
        }
        real.set(region, pair);
        return TdxStatus.SUCCESS.code();
    }

    private static boolean blames(long status, TdxOperand page0, TdxOperand page1) {
        TdxOperand operand = TdxStatus.operandOf(status);
        return (operand == page0 || operand == page1)
                && (TdxStatus.PAGE_NOT_FREE.matches(status)
                        || TdxStatus.OPERAND_INVALID.matches(status)
                        || TdxStatus.OPERAND_ADDR_RANGE_ERROR.matches(status));
    }

    private static boolean isOf(Pair pair, long hpa) {
        return pair.page0Hpa() == hpa || pair.page1Hpa() == hpa;
    }

    /** REMOVE and PROMOTE: the pages are answered, and the manager must believe them only if they are the region's. */
    private long pairOut(int region, String leaf, long[] pages) {
        enter(region, leaf);
        Pair told = ownership.held(region);
        try {
            long status = answerOut(region, leaf, pages);
            Pair answered = new Pair(pages[0], pages[1]);
            journal.note(() -> "  " + leaf + " of region " + region + ", which holds " + told + ", answers "
                    + TdxStatus.toString(status) + " and " + answered);
            boolean none = leaf.equals("REMOVE") && TdxStatus.NO_PAMT_PAGE_PAIR.matches(status);
            if (!TdxStatus.isError(status)) {
                ownership.returned(region, pages[0], pages[1]);
                returnedBefore.set(Chance.below(REMEMBERED), answered);
            } else if (none) {
                ownership.gone(region, true);
            }
            return status;
        } catch (Throwable thrown) {
            journal.note(() -> "  " + leaf + " of region " + region + ", which holds " + told + ", throws " + thrown);
            if (Hostility.mayHaveBeenMade(thrown)) {
                ownership.gone(region, false);
            }
            throw thrown;
        } finally {
            inside.set(region, 0);
        }
    }

    private long answerOut(int region, String leaf, long[] pages) {
        long busy = disturbed(region, leaf, () -> real.set(region, null));
        if (busy != 0) {
            return busy;
        }
        if (!calm && Chance.oneIn(profile.removeLies())) {
            journal.lie();
            if (Chance.oneIn(2)) {
                real.set(region, null);
            }
            switch (Chance.below(6)) {
                case 0 -> {
                    return TdxStatus.NO_PAMT_PAGE_PAIR.with(TdxOperand.RCX);
                }
                case 1 -> {
                    return TdxStatus.PAMT_PAGE_NOT_EMPTY.with(Chance.below(2));
                }
                case 2 -> {
                    invent(region, pages);
                    return randomStatus();
                }
                default -> {
                    invent(region, pages);
                    return TdxStatus.SUCCESS.code();
                }
            }
        }
        Pair pair = real.getAndSet(region, null);
        if (pair == null) {
            return TdxStatus.NO_PAMT_PAGE_PAIR.with(TdxOperand.RCX);
        }
        pages[0] = pair.page0Hpa();
        pages[1] = pair.page1Hpa();
        return TdxStatus.SUCCESS.code();
    }

    /** Two pages that are not the ones that the region holds, more often than not. */
    private void invent(int region, long[] pages) {
        Pair held = ownership.held(region);
        Pair other = anyHeld(Chance.below(real.length()));
        Pair before = returnedBefore.get(Chance.below(REMEMBERED));
        long usersPage = usersPages.get(Chance.below(REMEMBERED));
        switch (Chance.below(10)) {
            case 0 -> set(pages, other, 0, 0);
            case 1 -> {
                set(pages, held, 0, 0);
                pages[Chance.below(2)] = other == null ? 0 : other.page0Hpa();
            }
            case 2 -> {
                set(pages, held, 0, 0);
                pages[1] = pages[0];
            }
            case 3 -> {
                if (held != null) {
                    pages[0] = held.page1Hpa();
                    pages[1] = held.page0Hpa();
                }
            }
            case 4 -> set(pages, null, 0, 0);
            case 5 -> set(pages, before, 0, 0);
            case 6 -> set(pages, null, usersPage, usersPage ^ 4096);
            case 7 -> {
                long donor = anyChunkPage();
                set(pages, null, donor, donor ^ 4096);
            }
            case 8 -> {
                long hpa = ownership.regionHpa(Chance.below(real.length())) + Chance.below(512) * 4096L;
                set(pages, null, hpa, hpa + 4096);
            }
            default -> set(pages, null, Chance.bits(), Chance.bits() & -4096);
        }
    }

    private static void set(long[] pages, Pair pair, long page0Hpa, long page1Hpa) {
        pages[0] = pair == null ? page0Hpa : pair.page0Hpa();
        pages[1] = pair == null ? page1Hpa : pair.page1Hpa();
    }

    private Pair anyHeld(int from) {
        for (int i = 0; i < real.length(); i++) {
            Pair pair = ownership.held((from + i) % real.length());
            if (pair != null) {
                return pair;
            }
        }
        return null;
    }

    /** A page that lies with the manager, in a chunk as a rule. */
    private long anyChunkPage() {
        for (int attempt = 0; attempt < 20; attempt++) {
            int region = ownership.targets() + Chance.below(real.length() - ownership.targets());
            long hpa = ownership.regionHpa(region) + Chance.below(512) * 4096L;
            if (ownership.owner(hpa) == Ownership.Owner.MANAGER) {
                return hpa;
            }
        }
        return 0;
    }

    /** Busy, without answer, or not sent; 0 if the call is to be answered. */
    private long disturbed(int region, String leaf, Runnable deed) {
        if (dead) {
            if (leaf.equals("ADD")) {
                addsInDeath.incrementAndGet();
            }
            throw gone(leaf);
        }
        if (calm) {
            return 0;
        }
        callBackAtTimes();
        if (Chance.oneIn(profile.unanswered())) {
            journal.lie();
            switch (Chance.below(3)) {
                case 0 -> throw Hostility.notSent(leaf);
                case 1 -> {
                    deed.run();
                    throw Hostility.raise(Hostility.noAnswer(leaf + " was done"));
                }
                default -> throw Hostility.raise(Hostility.noAnswer(leaf + " was not done"));
            }
        }
        if ((busyLeft.get(region) > 0 && busyLeft.getAndDecrement(region) > 0) || Chance.oneIn(profile.busy())) {
            journal.lie();
            if (Chance.oneIn(10)) {
                busyLeft.set(region, 2 + Chance.below(20));
            }
            return TdxStatus.OPERAND_BUSY.with(BUSY_OPERANDS[Chance.below(BUSY_OPERANDS.length)]);
        }
        return 0;
    }

    private SeamcallUnavailableException gone(String leaf) {
        return deadIsSent
                ? new SeamcallUnavailableException("hostile: the module is gone, " + leaf)
                : Hostility.notSent("the module is out of reach, " + leaf);
    }

    private void enter(int region, String leaf) {
        if (!inside.compareAndSet(region, 0, 1)) {
            journal.violation(leaf + " beside another call for region " + region);
        }
    }

    private static long randomStatus() {
        return switch (Chance.below(4)) {
            case 0 -> STATUSES.get(Chance.below(STATUSES.size())).with(Chance.below(16));
            case 1 -> Chance.bits() | Long.MIN_VALUE;
            case 2 -> Chance.bits() & Long.MAX_VALUE;
            default -> TdxStatus.SYS_SHUTDOWN.code();
        };
    }
}
