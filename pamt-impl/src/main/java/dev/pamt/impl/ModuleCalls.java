package dev.pamt.impl;

import dev.pamt.api.PamtManager.DemoteCall;
import dev.pamt.api.PamtManager.PromoteCall;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import java.util.function.LongSupplier;

/**
 * The SEAMCALLs of transitions, behind the BUSY gate.
 *
 * <p>The locks of a manager keep its own transitions apart, so BUSY can only come from outside: another user of the
 * module, a DEMOTE that somebody makes past the manager. A call that is busy is made a second time with the gate closed,
 * when no other transition of this manager is inside the module; if that is busy as well it is an error to the caller.
 * There is no loop, because a loop on BUSY has no bound.
 *
 * <p>Who comes to the gate holds its region's lock and takes no lock inside, so whoever closes the gate and waits for the
 * others to come out cannot be part of a cycle.
 *
 * <p>Each call counts its end, a pair in or out, or neither; the gate relies on that.
 */
final class ModuleCalls {
    /** An error, whatever bits it has: what stands for the status of a call that has not come back. */
    private static final long NO_ANSWER = -1;

    private static final int STRIPES = 16;

    private final Seamcalls seamcalls;
    private final Counters counters;
    private final CallGate gate;

    ModuleCalls(SeamcallProvider provider, Counters counters) {
        this.seamcalls = new Seamcalls(provider);
        this.counters = counters;
        this.gate = new CallGate(STRIPES, counters::callsEnded);
    }

    /** Calls that have been made, second tries not counted. */
    long calls() {
        return gate.calls() - counters.busy.sum();
    }

    long add(long regionHpa, PagePair pair) {
        SeamcallRegisters regs = new SeamcallRegisters();
        enter(regionHpa);
        long status = countedAdd(regionHpa, pair, regs);
        return isBusy(status) ? alone(regionHpa, () -> countedAdd(regionHpa, pair, regs)) : status;
    }

    /** On success, and only then, the pair is in RDX and R8. */
    long remove(long regionHpa, SeamcallRegisters regs) {
        enter(regionHpa);
        long status = countedRemove(regionHpa, regs);
        return isBusy(status) ? alone(regionHpa, () -> countedRemove(regionHpa, regs)) : status;
    }

    long demote(long regionHpa, DemoteCall call, PagePair pair) {
        enter(regionHpa);
        long status = countedDemote(call, pair);
        return isBusy(status) ? alone(regionHpa, () -> countedDemote(call, pair)) : status;
    }

    /** On success, and only then, the pair is in R12 and R13. */
    long promote(long regionHpa, PromoteCall call, SeamcallRegisters regs) {
        enter(regionHpa);
        long status = countedPromote(call, regs);
        return isBusy(status) ? alone(regionHpa, () -> countedPromote(call, regs)) : status;
    }

    static boolean isBusy(long status) {
        return TdxStatus.OPERAND_BUSY.matches(status);
    }

    private void enter(long regionHpa) {
        gate.enter(RegionTable.regionOf(regionHpa));
    }

    private long alone(long regionHpa, LongSupplier call) {
        counters.busy.increment();
        long status = gate.alone(RegionTable.regionOf(regionHpa), call);
        if (isBusy(status)) {
            counters.busyAgain.increment();
        }
        return status;
    }

    private long countedAdd(long regionHpa, PagePair pair, SeamcallRegisters regs) {
        long status = NO_ANSWER;
        try {
            status = seamcalls.pamtAdd(regs, regionHpa, pair.page0Hpa(), pair.page1Hpa());
            return status;
        } finally {
            counters.callThatInstallsEnded(!TdxStatus.isError(status));
        }
    }

    private long countedRemove(long regionHpa, SeamcallRegisters regs) {
        long status = NO_ANSWER;
        try {
            status = seamcalls.pamtRemove(regs, regionHpa);
            return status;
        } finally {
            counters.callThatTakesBackEnded(!TdxStatus.isError(status));
        }
    }

    private long countedDemote(DemoteCall call, PagePair pair) {
        long status = NO_ANSWER;
        try {
            status = call.demote(pair.page0Hpa(), pair.page1Hpa());
            return status;
        } finally {
            counters.callThatInstallsEnded(!TdxStatus.isError(status));
        }
    }

    private long countedPromote(PromoteCall call, SeamcallRegisters regs) {
        long status = NO_ANSWER;
        try {
            status = call.promote(regs.clear());
            return status;
        } finally {
            counters.callThatTakesBackEnded(!TdxStatus.isError(status));
        }
    }
}
