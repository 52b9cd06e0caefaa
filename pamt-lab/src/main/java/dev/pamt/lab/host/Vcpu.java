package dev.pamt.lab.host;

import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtPageCache;
import dev.pamt.lab.host.PamtPolicy.Use;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;

/**
 * A vCPU: its logical processor, its registers, and what it has in hand for a fault, because memory cannot be allocated under the lock of
 * the MMU.
 *
 * <p><b>Thread-safety:</b> one thread at a time, but for being kicked.
 */
public final class Vcpu {
    /** Tables that a fault needs at most. */
    static final int SEPT_PAGES = Mirror.LEVELS;

    private final LabHost host;
    private final int index;
    private final int processor;
    private final PamtPageCache pairs;
    private final PageList septPages = new PageList();
    private final Guest guest;
    final SeamcallRegisters regs = new SeamcallRegisters();
    /** The pages of its state, the root first. */
    final PageList pages = new PageList();

    boolean initialised;

    Vcpu(LabHost host, Td td, int index) {
        this.host = host;
        this.index = index;
        processor = host.takeProcessor();
        pairs = host.manager().newVcpuCache();
        guest = new Guest(host, td, this);
    }

    /**
     * The number of the vCPU in its TD.
     *
     * @return from 0
     */
    public int index() {
        return index;
    }

    /**
     * The guest that runs on this vCPU.
     *
     * @return the guest
     */
    public Guest guest() {
        return guest;
    }

    int processor() {
        return processor & ~LabHost.SHARED;
    }

    /** Whether another vCPU may be on the same processor, which a guest driver does not allow. */
    boolean sharesProcessor() {
        return (processor & LabHost.SHARED) != 0;
    }

    long tdvprHpa() {
        return pages.first();
    }

    Seamcalls seamcalls() {
        return host.module().on(processor());
    }

    PamtPageCache pairs() {
        return pairs;
    }

    /** Makes sure that a fault finds all it can need; where memory can be allocated. */
    void topUp() {
        pairs.topUp(host.policy().pairsForFault());
        while (septPages.size() < SEPT_PAGES) {
            long page = host.allocator().allocPage();
            if (page == PageAllocator.NONE) {
                throw new OutOfPagesException("Secure EPT page");
            }
            boolean kept = false;
            try {
                if (host.policy().backsSeptPagesAtTopUp()) {
                    host.policy().beforeMap(Use.SEPT, page, null);
                }
                septPages.add(page);
                kept = true;
            } finally {
                if (!kept) {
                    host.allocator().freePage(page);
                }
            }
        }
    }

    /** Takes a page for a table; under the lock of the MMU. */
    long takeSeptPage() {
        return septPages.removeLast();
    }

    /** Puts a page for a table back that was not used. */
    void giveSeptPageBack(long hpa) {
        septPages.add(hpa);
    }

    /** Lets its processor go, when the module has nothing of the vCPU any more. */
    void end() {
        host.giveProcessorBack(processor);
    }

    /** Gives back what it has in hand. */
    void emptyHands() {
        pairs.close();
        while (!septPages.isEmpty()) {
            long page = septPages.removeLast();
            if (host.policy().backsSeptPagesAtTopUp()) {
                host.policy().afterUnmap(Use.SEPT, page, false);
            }
            host.allocator().freePage(page);
        }
    }
}
