package dev.pamt.lab.host;

import dev.pamt.lab.host.LabCounts.Event;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;

/**
 * How calls are made that can be busy or interrupted: once more, a number of times, or with all vCPUs out of the guest
 * where these can be the reason.
 *
 * <p><b>Thread-safety:</b> who holds the lock of the MMU alone; {@link #isTriedAgain} any thread.
 */
final class MmuCalls {
    /** How often a call is made again that is interrupted. */
    private static final int MOST_TRIES = 1000;

    static final int LEVEL_2M = 1;

    private final LabHost host;
    private final Td td;

    MmuCalls(LabHost host, Td td) {
        this.host = host;
        this.td = td;
    }

    Seamcalls processor() {
        return host.module().on(0);
    }

    /** A call of the module. */
    interface Call {
        long make();
    }

    /**
     * Makes a call; if it is busy, makes all vCPUs leave the guest, lets none in, and makes it once more. Only this TD's vCPUs can be in
     * its way then.
     */
    long withoutVcpus(Call call) {
        long status = call.make();
        if (!TdxStatus.OPERAND_BUSY.matches(status)) {
            return status;
        }
        host.counts().count(Event.BUSY);
        td.vcpus().forEach(vcpu -> vcpu.guest().keepOut());
        try {
            kick();
            return call.make();
        } finally {
            td.vcpus().forEach(vcpu -> vcpu.guest().letIn());
        }
    }

    /** Makes a call again as long as it is interrupted, up to a bound. */
    long restarting(Call call) {
        long status = call.make();
        for (int tries = 1; TdxStatus.INTERRUPTED_RESTARTABLE.matches(status) && tries < MOST_TRIES; tries++) {
            host.counts().count(Event.RESTARTED);
            status = call.make();
        }
        return status;
    }

    void kick() {
        for (Vcpu vcpu : td.vcpus()) {
            if (vcpu.guest().kick()) {
                host.counts().count(Event.KICK);
            }
        }
    }

    void blockAndTrack(SeamcallRegisters regs, long gpa, int level) {
        TdxModule.succeed(
                SeamcallLeaf.MEM_RANGE_BLOCK,
                withoutVcpus(() -> processor().memRangeBlock(regs, gpa | level, td.tdr())),
                td.tdr());
        boolean tracked = false;
        try {
            track(regs);
            tracked = true;
        } finally {
            if (!tracked) {
                unblock(regs, gpa);
            }
        }
    }

    /** Begins a new epoch of the TLB, and makes every vCPU leave the one before. */
    void track(SeamcallRegisters regs) {
        TdxModule.succeed(SeamcallLeaf.MEM_TRACK, withoutVcpus(() -> processor().memTrack(regs, td.tdr())), td.tdr());
        kick();
    }

    void unblock(SeamcallRegisters regs, long gpa) {
        long status = withoutVcpus(() -> processor().memRangeUnblock(regs, gpa | LEVEL_2M, td.tdr()));
        if (TdxStatus.isError(status)) {
            host.complain(td.name(), SeamcallLeaf.MEM_RANGE_UNBLOCK, status, gpa);
            td.bug();
        }
    }

    /** Whether a call that was refused is made again: the module was busy, or a pair was missing and is there now. */
    boolean isTriedAgain(long status, long hpa, Patience patience) {
        if (TdxStatus.MISSING_PAMT_PAGE_PAIR.matches(status)) {
            host.counts().count(Event.MISSING_PAIR);
            return patience.waits() && host.policy().onMissingPair(hpa);
        }
        if (TdxStatus.OPERAND_BUSY.matches(status)) {
            host.counts().count(Event.BUSY);
            return patience.waits();
        }
        return false;
    }
}
