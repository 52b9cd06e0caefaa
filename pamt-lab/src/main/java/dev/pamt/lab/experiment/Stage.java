package dev.pamt.lab.experiment;

import dev.pamt.api.PamtException;
import dev.pamt.api.PamtStats;
import dev.pamt.api.TdxHost;
import dev.pamt.lab.host.Crew;
import dev.pamt.lab.host.GuestMemory;
import dev.pamt.lab.host.GuestMemory.Backing;
import dev.pamt.lab.host.LabHost;
import dev.pamt.lab.host.LeafCounts;
import dev.pamt.lab.host.Td;
import dev.pamt.lab.host.TdMmu.Fault;
import dev.pamt.lab.host.Vcpu;
import dev.pamt.lab.policy.HostSetup;
import dev.pamt.lab.policy.PamtPolicies;
import dev.pamt.seamcall.SeamcallLeaf;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * A host on which one row of an experiment runs, and what is looked at in the end.
 *
 * <p><b>Thread-safety:</b> any number of threads, but for {@link #clear}.
 */
public final class Stage {
    private final TdxHost host;
    private final LabHost lab;
    private final LeafCounts leaves;
    private final boolean guests;
    private final long freeBefore;
    private final long callsBefore;
    private final List<String> abandoned = new CopyOnWriteArrayList<>();
    private volatile long peakPairs;
    private boolean lossIsNamed;
    private long auditedPairs;

    /**
     * Sets the stage.
     *
     * @param host a host that nothing else uses
     * @param setup what is tried on it
     * @param leaves counts the calls of the host's platform
     */
    public Stage(TdxHost host, HostSetup setup, LeafCounts leaves) {
        this.host = host;
        this.leaves = leaves;
        freeBefore = host.freePages();
        lab = setup.open(host);
        guests = LabHost.hasGuests(host);
        callsBefore = leaves.total();
    }

    LabHost lab() {
        return lab;
    }

    LeafCounts leaves() {
        return leaves;
    }

    /** The SEAMCALLs so far, those that brought the host up not counted. */
    long seamcalls() {
        return leaves.total() - callsBefore;
    }

    long succeeded(SeamcallLeaf leaf) {
        return leaves.calls(leaf) - leaves.failures(leaf);
    }

    /** The pairs that are in the module now, given by the manager or past it. */
    long pairs() {
        long pairs = host.dynamicPamt()
                ? succeeded(SeamcallLeaf.PHYMEM_PAMT_ADD)
                        + succeeded(SeamcallLeaf.MEM_PAGE_DEMOTE)
                        - succeeded(SeamcallLeaf.PHYMEM_PAMT_REMOVE)
                        - succeeded(SeamcallLeaf.MEM_PAGE_PROMOTE)
                : 0;
        peakPairs = Math.max(peakPairs, pairs);
        return pairs;
    }

    /** The bytes of the pairs that are in the module now. */
    long pairBytes() {
        return pairs() * PamtStats.PAIR_BYTES;
    }

    /** The most bytes of pairs that were seen. */
    long peakBytes() {
        return Math.max(peakPairs, lab.manager().stats().pairs().peak()) * PamtStats.PAIR_BYTES;
    }

    /** Makes TDs of the same size, and builds them. */
    List<Td> build(int tds, int vcpus, long memoryBytes, Backing backing) {
        List<Td> built = new ArrayList<>();
        for (int i = 0; i < tds; i++) {
            built.add(build(vcpus, lab.newMemory(memoryBytes, backing)));
        }
        return built;
    }

    /** Makes a TD of memory that is there, and builds it. */
    Td build(int vcpus, GuestMemory memory) {
        Td td = lab.newTd(vcpus, memory);
        boolean done = false;
        try {
            td.build(0);
            done = true;
        } finally {
            if (!done) {
                end(td, false);
            }
        }
        return td;
    }

    /** Has a guest take pages over, or the host map them if this backend has no guests. */
    void use(Td td, Vcpu vcpu, long gpa, int pages) {
        if (guests) {
            vcpu.guest().accept(gpa, pages, true);
            return;
        }
        for (int page = 0; page < pages; page++) {
            Fault fault;
            do {
                fault = td.mmu().fault(vcpu, gpa + page * GuestMemory.PAGE_BYTES, false);
            } while (fault == Fault.AGAIN);
        }
    }

    /** Has all vCPUs of all TDs take all memory over at once; returns how long that took. */
    long useAll(List<Td> tds) throws InterruptedException {
        int vcpus = tds.get(0).vcpus().size();
        return Crew.run(tds.size() * vcpus, number -> {
            Td td = tds.get(number / vcpus);
            int vcpu = number % vcpus;
            int blocks = td.memory().blocks();
            for (int block = blocks * vcpu / vcpus; block < blocks * (vcpu + 1) / vcpus; block++) {
                use(td, td.vcpus().get(vcpu), block * GuestMemory.BLOCK_BYTES, GuestMemory.PAGES_PER_BLOCK);
            }
            pairs();
        });
    }

    /** Ends a TD; its memory stays if it is wanted again. */
    void end(Td td, boolean keepsMemory) {
        td.stop();
        td.reclaim(td.vcpus().get(0), 0, td.memory().blocks(), !keepsMemory);
        td.end();
        if (!keepsMemory) {
            td.memory().close();
        }
    }

    /** Looks at every region when all TDs have ended; what contradicts is a failure. */
    void audit(long lostPages, boolean somethingIsLost) {
        lossIsNamed = somethingIsLost;
        Audit audit =
                new Audit(lab.manager(), PamtPolicies.usesManager(lab.policy().name()));
        List<String> contradictions = audit.run();
        auditedPairs = audit.pairs();
        if (!contradictions.isEmpty()) {
            throw new IllegalStateException(contradictions.get(0));
        }
        // Where pairs are cut from chunks it is known to the page where everything is.
        PamtStats.Pages pages = lab.manager().stats().pages();
        long out = freeBefore - host.freePages() - pages.donorChunks() * GuestMemory.PAGES_PER_BLOCK;
        if (pages.donorChunks() > 0 && abandoned.isEmpty() && out != lostPages + pages.stranded()) {
            throw new IllegalStateException(
                    out + " pages have not come back, and " + lostPages + " are known to be lost");
        }
    }

    /** The pairs that the audit has found. */
    long auditedPairs() {
        return auditedPairs;
    }

    /** Gives up a TD whose key does not come back, with all of its pages. */
    void abandon(Td td, PamtException why) {
        abandoned.add(td.name() + " and all of its pages are lost: " + why.getMessage());
    }

    /**
     * What was lost on purpose, because the module did not give it back.
     *
     * @return a line each, with the TD and the page
     */
    public List<String> losses() {
        List<String> losses = new ArrayList<>(abandoned);
        losses.addAll(lab.complaints());
        return losses;
    }

    /**
     * Clears up when all TDs have ended, and checks that nothing is left.
     *
     * @return what is wrong; empty if nothing is
     */
    public String clear() {
        lab.policy().close();
        String failure = "";
        try {
            lab.manager().close();
        } catch (PamtException e) {
            if (lossIsNamed) {
                return "";
            }
            failure = e.toString();
        }
        long leftPairs = pairs();
        long lostPages = freeBefore - host.freePages();
        if (lossIsNamed) {
            return "";
        }
        if (failure.isEmpty() && !lab.complaints().isEmpty()) {
            failure = lab.complaints().get(0);
        }
        if (failure.isEmpty() && (leftPairs != 0 || lostPages != 0)) {
            failure = leftPairs + " page pairs are still installed, and " + lostPages + " pages have not come back";
        }
        return failure;
    }
}
