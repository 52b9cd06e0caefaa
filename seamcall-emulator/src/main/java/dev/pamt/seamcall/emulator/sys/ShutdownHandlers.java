package dev.pamt.seamcall.emulator.sys;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Timing;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * The leaves that shut the module down before an update: SYS.SHUTDOWN, and SYS.LP.SHUTDOWN, which does nothing (TDX module 1.5.25,
 * tdh_sys_shutdown.c, tdh_sys_lp_shutdown.c).
 */
public final class ShutdownHandlers implements HandlerFamily {
    private final SystemState state;
    private final BooleanSupplier guestInside;
    private final Timing timing;

    /** Makes the leaves; a module cannot be shut down while a guest is inside. */
    public ShutdownHandlers(SystemState state, BooleanSupplier guestInside, Timing timing) {
        this.state = state;
        this.guestInside = guestInside;
        this.timing = timing;
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(
                SeamcallLeaf.SYS_SHUTDOWN, this::shutDown,
                SeamcallLeaf.SYS_LP_SHUTDOWN, this::shutDownProcessor);
    }

    /** SYS.SHUTDOWN: RCX is the version of the handoff data, which are not written here. */
    long shutDown(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        if (regs.rcx != SysFields.HANDOFF_VERSION) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RCX);
        }
        if (!state.lock().acquireExclusive()) {
            return TdxStatus.SYS_BUSY.code();
        }
        long status = TdxStatus.SYS_BUSY.code();
        if (!guestInside.getAsBoolean()) {
            timing.spend(SeamcallLeaf.SYS_SHUTDOWN);
            state.advanceTo(SystemState.Stage.SHUT_DOWN);
            status = 0;
        }
        state.lock().releaseExclusive();
        return status;
    }

    /** SYS.LP.SHUTDOWN: succeeds at any time, also after SYS.SHUTDOWN. */
    long shutDownProcessor(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        return 0;
    }
}
