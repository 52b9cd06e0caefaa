package dev.pamt.seamcall.emulator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

/**
 * Useful calls in every state of a TD, each with its neighbours before it: one bit of an operand flipped, two bits of two
 * operands, and all registers that are no operand changed.
 *
 * <p>Of every call: nothing but a status comes back, one that has a name; registers change only as {@link CallRules} say. Of a
 * call that fails: it has changed nothing, it fails in the same way when it is made again and whatever the registers hold that
 * are no operand. Of two mistakes at once the status is that of one of them. In between all agrees and nothing is locked.
 *
 * <p>{@code -Dneighbourhood.calls=10000000} makes that many, {@code -Drandom.seed} repeats a run.
 */
class NeighbourhoodTest {
    private static final long CALLS = Long.getLong("neighbourhood.calls", 400_000);
    private static final long SEED = Long.getLong("random.seed", System.nanoTime());
    private static final int USEFUL_CALLS_OF_A_MACHINE = 3_000;
    private static final int BETWEEN_DIGESTS = 32;
    private static final int BETWEEN_CHECKS = 256;
    private static final int MISTAKES = 5;
    private static final int RAX_BITS = 26;

    private final Map<SeamcallLeaf, long[]> counts = new EnumMap<>(SeamcallLeaf.class);
    private final List<String> surprises = new ArrayList<>();
    private boolean effects;
    private long calls;
    private long mistakes;
    private TestHost host;
    private RandomCalls call;
    private SplittableRandom random;

    /** A call that failed: its words, and what came of it. */
    private record Mistake(long rax, SeamcallRegisters in, long status, SeamcallRegisters out) {}

    @Test
    void whatAlwaysHolds() {
        System.out.println("NeighbourhoodTest: seed " + SEED);
        SplittableRandom seeds = new SplittableRandom(SEED);
        while (calls < CALLS) {
            explore(seeds.nextLong());
        }
        StringBuilder successes = new StringBuilder();
        counts.forEach((leaf, count) -> successes.append(String.format(" %s %,d/%,d", leaf, count[0], count[1])));
        System.out.printf("  %,d calls, %,d mistakes; succeeded:%s%n", calls, mistakes, successes);
        for (SeamcallLeaf leaf : List.of(
                SeamcallLeaf.MR_FINALIZE,
                SeamcallLeaf.MEM_PAGE_AUG,
                SeamcallLeaf.MNG_KEY_FREEID,
                SeamcallLeaf.PHYMEM_PAGE_RECLAIM,
                SeamcallLeaf.PHYMEM_PAMT_REMOVE)) {
            assertTrue(counts.containsKey(leaf) && counts.get(leaf)[0] > 0, () -> leaf + " never succeeded");
        }
    }

    private void explore(long seed) {
        random = new SplittableRandom(seed);
        AtomicLong actions = new AtomicLong(seed);
        host = TestHost.ready(
                TestHost.config()
                        .guests(vcpu -> RandomCalls.guestAction(new SplittableRandom(actions.incrementAndGet())))
                        .build(),
                true,
                RacePoint.Listener.none());
        RandomCalls.writeParams(host);
        call = new RandomCalls(host, 0, random);
        ModuleAudit audit = new ModuleAudit(host);
        for (int i = 1; i <= USEFUL_CALLS_OF_A_MACHINE; i++) {
            call.nextUseful();
            long rax = call.rax();
            SeamcallRegisters in = new SeamcallRegisters().set(call.regs());
            long[] before = i % BETWEEN_DIGESTS == 0 ? audit.digest() : null;
            surprises.clear();
            effects = false;
            tryNeighbours(rax, in);
            boolean allFailed = !effects;
            if (before != null && allFailed) {
                ModuleAudit.assertSame(before, audit.digest(), "a neighbour of " + words(rax, in));
            }
            if (!TdxStatus.isError(run(rax, in)) && allFailed) {
                assertEquals(List.of(), surprises);
            }
            if (i % BETWEEN_CHECKS == 0) {
                audit.check();
            }
        }
        audit.check();
    }

    private void tryNeighbours(long rax, SeamcallRegisters in) {
        SeamcallLeaf leaf = SeamcallLeaf.of(rax);
        List<TdxOperand> operands = new ArrayList<>(CallRules.of(leaf).operands());
        Mistake last = null;
        TdxOperand lastOperand = null;
        for (int i = 0; i < MISTAKES; i++) {
            TdxOperand operand = operands.isEmpty() || random.nextInt(16) == 0
                    ? TdxOperand.RAX
                    : operands.get(random.nextInt(operands.size()));
            Mistake mistake = tryFlipped(rax, in, operand);
            if (mistake == null) {
                last = null;
                continue;
            }
            mistakes++;
            assertRepeats(mistake);
            if (last != null && operand != lastOperand) {
                combine(last, lastOperand, mistake, operand);
            }
            last = mistake;
            lastOperand = operand;
        }
    }

    /** Flips a bit of an operand, or two; null if the call succeeds, or is one that has effects when it fails. */
    private Mistake tryFlipped(long rax, SeamcallRegisters in, TdxOperand operand) {
        SeamcallRegisters flipped = new SeamcallRegisters().set(in);
        long word = rax;
        if (operand == TdxOperand.RAX) {
            word ^= 1L << random.nextInt(RAX_BITS);
        } else {
            flipped.set(operand, in.get(operand) ^ 1L << random.nextInt(Long.SIZE));
        }
        return runForMistake(word, flipped);
    }

    private Mistake runForMistake(long rax, SeamcallRegisters in) {
        long status = run(rax, in);
        return TdxStatus.isError(status) && !hasEffects(rax)
                ? new Mistake(
                        call.rax(), new SeamcallRegisters().set(in), status, new SeamcallRegisters().set(call.regs()))
                : null;
    }

    /** A call that failed fails again, and registers that are no operand make no difference and stay what they are. */
    private void assertRepeats(Mistake mistake) {
        SeamcallRegisters in = new SeamcallRegisters().set(mistake.in);
        SeamcallLeaf leaf = SeamcallLeaf.of(mistake.rax);
        for (TdxOperand register : SeamcallRegisters.OPERANDS) {
            if (leaf == null || !CallRules.of(leaf).operands().contains(register)) {
                in.set(register, random.nextLong());
            }
        }
        long status = run(mistake.rax, in);
        assertEquals(text(mistake.status), text(status), () -> words(mistake.rax, mistake.in) + " and again " + in);
        for (TdxOperand register : SeamcallRegisters.OPERANDS) {
            long expected = mistake.out.get(register) == mistake.in.get(register)
                    ? in.get(register)
                    : mistake.out.get(register);
            if (call.regs().get(register) != expected) {
                assertEquals(
                        mistake.out.get(register),
                        call.regs().get(register),
                        () -> register + " after " + words(mistake.rax, in));
            }
        }
    }

    /** Makes two mistakes at once. If the call is right otherwise, the status must be that of one of them. */
    private void combine(Mistake first, TdxOperand firstOperand, Mistake second, TdxOperand secondOperand) {
        SeamcallRegisters both = new SeamcallRegisters().set(first.in);
        long rax = firstOperand == TdxOperand.RAX ? first.rax : second.rax;
        if (secondOperand != TdxOperand.RAX) {
            both.set(secondOperand, second.in.get(secondOperand));
        }
        // Another leaf, or another TD or vCPU that exists, has mistakes of its own.
        if (SeamcallLeaf.of(first.rax) != SeamcallLeaf.of(second.rax)
                || namesAnother(first, firstOperand)
                || namesAnother(second, secondOperand)) {
            return;
        }
        Mistake combined = runForMistake(rax, both);
        if (combined == null || (combined.status != first.status && combined.status != second.status)) {
            surprises.add(words(rax, both) + ": " + text(first.status) + " and " + text(second.status)
                    + " together are " + (combined == null ? "none" : text(combined.status)));
        }
    }

    private boolean namesAnother(Mistake mistake, TdxOperand operand) {
        long page = operand == TdxOperand.RAX ? -1 : mistake.in.get(operand) & ~1L;
        return host.machine.module().tds().at(page) != null
                || host.machine.module().vcpus().at(page) != null;
    }

    private long run(long rax, SeamcallRegisters in) {
        call.set(rax, in);
        SeamcallRegisters before = new SeamcallRegisters().set(call.regs());
        long status;
        try {
            status = host.machine.processor(0).seamcall(rax, call.regs());
        } catch (RuntimeException e) {
            throw new AssertionError("escaped from " + words(rax, in), e);
        }
        calls++;
        effects |= !TdxStatus.isError(status) || hasEffects(rax);
        SeamcallLeaf leaf = SeamcallLeaf.of(rax);
        if (leaf == null) {
            assertEquals(before, call.regs(), () -> words(rax, in));
        } else {
            assertNull(
                    CallRules.of(leaf).complaint(before, status, call.regs()),
                    () -> words(rax, before) + " -> " + text(status) + " " + call.regs());
            long[] count = counts.computeIfAbsent(leaf, l -> new long[2]);
            count[0] += TdxStatus.isError(status) ? 0 : 1;
            count[1]++;
        }
        if (leaf != SeamcallLeaf.VP_ENTER) {
            assertNotNull(TdxStatus.of(status), () -> words(rax, in) + " -> " + text(status));
        }
        return status;
    }

    /** A vCPU is associated, and a guest runs, whatever becomes of these. */
    private static boolean hasEffects(long rax) {
        SeamcallLeaf leaf = SeamcallLeaf.of(rax);
        return leaf == SeamcallLeaf.VP_ENTER || leaf == SeamcallLeaf.VP_RD || leaf == SeamcallLeaf.VP_WR;
    }

    private static String text(long status) {
        return TdxStatus.toString(status);
    }

    private static String words(long rax, SeamcallRegisters in) {
        return String.format("rax %x (%s) %s", rax, SeamcallLeaf.of(rax), in);
    }
}
