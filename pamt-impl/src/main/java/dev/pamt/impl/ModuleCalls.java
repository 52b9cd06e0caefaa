package dev.pamt.impl;

import dev.pamt.api.PamtManager.DemoteCall;
import dev.pamt.api.PamtManager.PromoteCall;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import java.util.concurrent.locks.StampedLock;

/**
 * The SEAMCALLs of transitions, behind the BUSY gate.
 *
 * <p>The locks of a manager keep its own transitions apart, so BUSY can only come from outside: another user of the
 * module, a DEMOTE that somebody makes past the manager. A call that is busy is made a second time with the gate held
 * exclusively, when no other transition of this manager is inside the module; if that is busy as well it is an error to
 * the caller. There is no loop, because a loop on BUSY has no bound.
 *
 * <p>Ordinary calls are readers of the gate. They hold their region's lock when they come and take no lock inside, so the
 * writer, who waits for readers to leave, cannot be part of a cycle.
 */
final class ModuleCalls {
    private final Seamcalls seamcalls;
    private final Counters counters;
    private final StampedLock gate = new StampedLock();

    ModuleCalls(SeamcallProvider provider, Counters counters) {
        this.seamcalls = new Seamcalls(provider);
        this.counters = counters;
    }

    long add(long regionHpa, PagePair pair) {
        SeamcallRegisters regs = new SeamcallRegisters();
        long status = asReader(() -> seamcalls.pamtAdd(regs, regionHpa, pair.page0Hpa(), pair.page1Hpa()));
        return isBusy(status)
                ? alone(() -> seamcalls.pamtAdd(regs, regionHpa, pair.page0Hpa(), pair.page1Hpa()))
                : status;
    }

    /** On success, and only then, the pair is in RDX and R8. */
    long remove(long regionHpa, SeamcallRegisters regs) {
        long status = asReader(() -> seamcalls.pamtRemove(regs, regionHpa));
        return isBusy(status) ? alone(() -> seamcalls.pamtRemove(regs, regionHpa)) : status;
    }

    long demote(DemoteCall call, PagePair pair) {
        long status = asReader(() -> call.demote(pair.page0Hpa(), pair.page1Hpa()));
        return isBusy(status) ? alone(() -> call.demote(pair.page0Hpa(), pair.page1Hpa())) : status;
    }

    /** On success, and only then, the pair is in R12 and R13. */
    long promote(PromoteCall call, SeamcallRegisters regs) {
        long status = asReader(() -> call.promote(regs));
        return isBusy(status) ? alone(() -> call.promote(regs.clear())) : status;
    }

    static boolean isBusy(long status) {
        return TdxStatus.OPERAND_BUSY.matches(status);
    }

    private long asReader(Call call) {
        long stamp = gate.readLock();
        try {
            return call.run();
        } finally {
            gate.unlockRead(stamp);
        }
    }

    private long alone(Call call) {
        counters.busy.increment();
        long stamp = gate.writeLock();
        try {
            long status = call.run();
            if (isBusy(status)) {
                counters.busyAgain.increment();
            }
            return status;
        } finally {
            gate.unlockWrite(stamp);
        }
    }

    /** One SEAMCALL; returns its status. */
    private interface Call {
        long run();
    }
}
