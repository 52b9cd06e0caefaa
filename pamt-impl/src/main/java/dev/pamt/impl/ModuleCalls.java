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

    /** Which way a call that succeeds moves a pair, seen from the module. */
    private enum Pair {
        IN,
        OUT
    }

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
        return call(regionHpa, Pair.IN, () -> seamcalls.pamtAdd(regs, regionHpa, pair.page0Hpa(), pair.page1Hpa()));
    }

    /** On success, and only then, the pair is in RDX and R8. */
    long remove(long regionHpa, SeamcallRegisters regs) {
        return call(regionHpa, Pair.OUT, () -> seamcalls.pamtRemove(regs, regionHpa));
    }

    long demote(long regionHpa, DemoteCall demote, PagePair pair) {
        return call(regionHpa, Pair.IN, () -> demote.demote(pair.page0Hpa(), pair.page1Hpa()));
    }

    /** On success, and only then, the pair is in R12 and R13. */
    long promote(long regionHpa, PromoteCall promote, SeamcallRegisters regs) {
        return call(regionHpa, Pair.OUT, () -> promote.promote(regs.clear()));
    }

    static boolean isBusy(long status) {
        return TdxStatus.OPERAND_BUSY.matches(status);
    }

    private long call(long regionHpa, Pair pair, LongSupplier leaf) {
        long region = RegionTable.regionOf(regionHpa);
        gate.enter(region);
        long status = counted(pair, leaf);
        if (!isBusy(status)) {
            return status;
        }
        counters.busy.increment();
        status = gate.alone(region, () -> counted(pair, leaf));
        if (isBusy(status)) {
            counters.busyAgain.increment();
        }
        return status;
    }

    private long counted(Pair pair, LongSupplier leaf) {
        long status = NO_ANSWER;
        try {
            status = leaf.getAsLong();
            return status;
        } finally {
            if (TdxStatus.isError(status)) {
                counters.callWithoutPairEnded();
            } else if (pair == Pair.IN) {
                counters.pairWentIn();
            } else {
                counters.pairCameOut();
            }
        }
    }
}
