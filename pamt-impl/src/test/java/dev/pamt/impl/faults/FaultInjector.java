package dev.pamt.impl.faults;

import dev.pamt.impl.faults.Fault.Site;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import java.util.EnumMap;
import java.util.Map;

/** The module, with one fault at the k-th call that comes by; counts the calls of every site. */
final class FaultInjector implements SeamcallProvider {
    /** Looks like the address of a page in RAM, and belongs to nobody. */
    private static final long GARBAGE_HPA = 0x1_3BAD_D000L;

    private final SeamcallProvider module;
    private final Seamcalls seamcalls;
    private final Map<Site, Integer> seen = new EnumMap<>(Site.class);
    private final Fault fault;
    private final int first;
    private boolean armed = true;
    private boolean interrupted;

    /**
     * Makes a module that fails.
     *
     * @param fault what goes wrong, or null if nothing does
     * @param first the first call of its site that it hits, from 1
     */
    FaultInjector(SeamcallProvider module, Fault fault, int first) {
        this.module = module;
        this.seamcalls = new Seamcalls(module);
        this.fault = fault;
        this.first = first;
    }

    /** Lets nothing more go wrong. */
    void disarm() {
        armed = false;
    }

    int calls(Site site) {
        return seen.getOrDefault(site, 0);
    }

    boolean wasInterrupted() {
        return interrupted;
    }

    /** Notes that a call comes by, and says whether it is to be hit. */
    boolean hits(Site site) {
        int call = seen.merge(site, 1, Integer::sum);
        return armed && fault != null && fault.site() == site && call >= first && call < first + fault.times();
    }

    @Override
    public long seamcall(long rax, SeamcallRegisters regs) {
        if (hits(Site.INTERRUPT)) {
            interrupted = true;
            Thread.currentThread().interrupt();
        }
        if (rax == SeamcallLeaf.PHYMEM_PAMT_ADD.rax()) {
            throwIf(Site.ADD_THROWS);
            return hits(Site.ADD) ? fault.status() : module.seamcall(rax, regs);
        }
        if (rax != SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax()) {
            throw new AssertionError("the manager calls nothing but ADD and REMOVE");
        }
        if (hits(Site.REMOVE)) {
            regs.rdx = GARBAGE_HPA;
            regs.r8 = GARBAGE_HPA;
            return fault.status();
        }
        long status = module.seamcall(rax, regs);
        throwIf(Site.REMOVE_THROWS);
        return status;
    }

    /** Stands for a DEMOTE: what it does to the region's entry is what ADD does. */
    long demote(long regionHpa, long page0Hpa, long page1Hpa) {
        throwIf(Site.DEMOTE_THROWS);
        return hits(Site.DEMOTE)
                ? fault.status()
                : seamcalls.pamtAdd(new SeamcallRegisters(), regionHpa, page0Hpa, page1Hpa);
    }

    /** Stands for a PROMOTE: what it does to the region's entry is what REMOVE does. */
    long promote(long regionHpa, SeamcallRegisters regs) {
        throwIf(Site.PROMOTE_THROWS);
        if (hits(Site.PROMOTE)) {
            regs.r12 = GARBAGE_HPA;
            regs.r13 = GARBAGE_HPA;
            return fault.status();
        }
        SeamcallRegisters removed = new SeamcallRegisters();
        long status = seamcalls.pamtRemove(removed, regionHpa);
        if (!TdxStatus.isError(status)) {
            regs.r12 = removed.rdx;
            regs.r13 = removed.r8;
        }
        return status;
    }

    private void throwIf(Site site) {
        if (hits(site)) {
            throw new SeamcallUnavailableException("the module is gone");
        }
    }
}
