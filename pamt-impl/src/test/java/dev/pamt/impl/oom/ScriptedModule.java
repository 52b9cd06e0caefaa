package dev.pamt.impl.oom;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import java.util.ArrayDeque;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.LongSupplier;

/** The emulated module, whose next calls of a leaf can be made to end as a scenario wants; knows which pages it has. */
final class ScriptedModule implements SeamcallProvider {
    private final SeamcallProvider module;
    private final Seamcalls seamcalls;
    private final Map<SeamcallLeaf, ArrayDeque<Ending>> script = new EnumMap<>(SeamcallLeaf.class);
    private final Set<Long> pages = new HashSet<>();

    /** How a call ends. */
    interface Ending {
        /** Makes the call, or not. */
        long end(LongSupplier call);

        /** The module is not called, and seems to answer this. */
        static Ending status(long status) {
            return call -> status;
        }

        /** The call is made, and another answer given. */
        static Ending answered(long status) {
            return call -> {
                long real = call.getAsLong();
                return TdxStatus.isError(real) ? real : status;
            };
        }

        /** The call is not made, and the caller is not told so. */
        static Ending unavailable() {
            return call -> {
                throw new SeamcallUnavailableException("the module is gone");
            };
        }

        /** The call is made, and the answer lost. */
        static Ending answerLost() {
            return call -> {
                throw new SeamcallUnavailableException("answer lost: " + TdxStatus.toString(call.getAsLong()));
            };
        }

        /** The call is not made, and the caller is told so. */
        static Ending notSent() {
            return call -> {
                throw SeamcallUnavailableException.notSent("the call was not sent", null);
            };
        }
    }

    ScriptedModule(SeamcallProvider module) {
        this.module = module;
        this.seamcalls = new Seamcalls(module);
    }

    /** Says how the next calls of a leaf end. */
    void next(SeamcallLeaf leaf, Ending... endings) {
        synchronized (script) {
            ArrayDeque<Ending> queue = script.computeIfAbsent(leaf, key -> new ArrayDeque<>());
            for (Ending ending : endings) {
                queue.add(ending);
            }
        }
    }

    /** Forgets what has not come to pass. */
    void forgetScript() {
        synchronized (script) {
            script.clear();
        }
    }

    @Override
    public long seamcall(long rax, SeamcallRegisters regs) {
        if (rax == SeamcallLeaf.PHYMEM_PAMT_ADD.rax()) {
            return end(SeamcallLeaf.PHYMEM_PAMT_ADD, () -> add(regs));
        }
        if (rax == SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax()) {
            return end(SeamcallLeaf.PHYMEM_PAMT_REMOVE, () -> remove(regs));
        }
        return module.seamcall(rax, regs);
    }

    /** Stands for a DEMOTE: what it does to the region's entry is what ADD does. */
    long demote(long regionHpa, long page0Hpa, long page1Hpa) {
        return end(SeamcallLeaf.MEM_PAGE_DEMOTE, () -> {
            long status = seamcalls.pamtAdd(new SeamcallRegisters(), regionHpa, page0Hpa, page1Hpa);
            if (!TdxStatus.isError(status)) {
                has(page0Hpa, page1Hpa);
            }
            return status;
        });
    }

    /** Stands for a PROMOTE: what it does to the region's entry is what REMOVE does. */
    long promote(long regionHpa, SeamcallRegisters regs) {
        return end(SeamcallLeaf.MEM_PAGE_PROMOTE, () -> {
            SeamcallRegisters removed = new SeamcallRegisters();
            long status = seamcalls.pamtRemove(removed, regionHpa);
            if (!TdxStatus.isError(status)) {
                regs.r12 = removed.rdx;
                regs.r13 = removed.r8;
                hasNoMore(removed.rdx, removed.r8);
            }
            return status;
        });
    }

    boolean has(long pageHpa) {
        synchronized (pages) {
            return pages.contains(pageHpa);
        }
    }

    /** The pairs that are installed, by what the module answered. */
    int pairs() {
        synchronized (pages) {
            return pages.size() / 2;
        }
    }

    private long add(SeamcallRegisters regs) {
        long page0Hpa = regs.rdx;
        long page1Hpa = regs.r8;
        long status = module.seamcall(SeamcallLeaf.PHYMEM_PAMT_ADD.rax(), regs);
        if (!TdxStatus.isError(status)) {
            has(page0Hpa, page1Hpa);
        }
        return status;
    }

    private long remove(SeamcallRegisters regs) {
        long status = module.seamcall(SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax(), regs);
        if (!TdxStatus.isError(status)) {
            hasNoMore(regs.rdx, regs.r8);
        }
        return status;
    }

    private void has(long page0Hpa, long page1Hpa) {
        synchronized (pages) {
            pages.add(page0Hpa);
            pages.add(page1Hpa);
        }
    }

    private void hasNoMore(long page0Hpa, long page1Hpa) {
        synchronized (pages) {
            pages.remove(page0Hpa);
            pages.remove(page1Hpa);
        }
    }

    private long end(SeamcallLeaf leaf, LongSupplier call) {
        Ending ending;
        synchronized (script) {
            ArrayDeque<Ending> queue = script.get(leaf);
            ending = queue == null ? null : queue.poll();
        }
        return ending == null ? call.getAsLong() : ending.end(call);
    }
}
