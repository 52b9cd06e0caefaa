package dev.pamt.seamcall.emulator.dispatch;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.ModuleFatal;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * The door of the module: checks the leaf word and the state of the module, then calls the handler of the leaf (TDX module
 * 1.5.25, tdx_vmm_dispatcher.c).
 *
 * <p>Any number of threads call at once; nothing is shared here but {@code down}, which is set once, by a fatal error or
 * when the machine is closed, and ends every later call. A call is a full fence on either side, as the instruction is.
 */
public final class Dispatcher {
    /** Is called for the fatal error that ends the module. */
    @FunctionalInterface
    public interface FatalListener {
        /** Called once, on the thread whose call was fatal. */
        void fatal(int id, SeamcallLeaf leaf, int processor);
    }

    private static final long INVALID_RAX = TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX);
    private static final int VERSION_SHIFT = 16;
    private static final long VERSION_BITS = 0xFFL << VERSION_SHIFT;
    private static final long RESERVED = ~0xFF_FFFFL;

    private static final Set<SeamcallLeaf> BEFORE_READY = EnumSet.of(
            SeamcallLeaf.SYS_INFO,
            SeamcallLeaf.SYS_RD,
            SeamcallLeaf.SYS_RDALL,
            SeamcallLeaf.SYS_INIT,
            SeamcallLeaf.SYS_LP_INIT,
            SeamcallLeaf.SYS_CONFIG,
            SeamcallLeaf.SYS_KEY_CONFIG,
            SeamcallLeaf.SYS_LP_SHUTDOWN,
            SeamcallLeaf.SYS_UPDATE);

    private static final Set<SeamcallLeaf> VERSIONED = Arrays.stream(SeamcallLeaf.values())
            .filter(leaf -> leaf.maxVersion() > 0)
            .collect(Collectors.toUnmodifiableSet());

    private static final int LEAVES = Long.SIZE;
    private static final long BEFORE_READY_BITS = bits(BEFORE_READY);
    private static final long VERSIONED_BITS = bits(VERSIONED);

    private final BooleanSupplier ready;
    private final BooleanSupplier shutDown;
    private final AbsentLeaves absent = new AbsentLeaves();
    private final LeafHandler[] handlers = new LeafHandler[LEAVES];
    private final FatalListener fatalListener;
    private volatile String down;

    /**
     * Makes a dispatcher.
     *
     * @param ready whether all leaves are open
     * @param shutDown whether all leaves but SYS.LP.SHUTDOWN are closed; asked if the module is not ready
     * @param families the leaves
     * @param fatalListener what is called for a fatal error
     */
    public Dispatcher(
            BooleanSupplier ready,
            BooleanSupplier shutDown,
            List<HandlerFamily> families,
            FatalListener fatalListener) {
        this.ready = ready;
        this.shutDown = shutDown;
        this.fatalListener = fatalListener;
        for (HandlerFamily family : families) {
            family.handlers().forEach((leaf, handler) -> handlers[leaf.number()] = handler);
        }
    }

    /** Runs one SEAMCALL on a processor. */
    public long call(LogicalProcessor lp, long rax, SeamcallRegisters regs) {
        int leaf = SeamcallLeaf.numberOf(rax);
        long refused = check(leaf, rax);
        if (refused != 0) {
            return refused;
        }
        LeafHandler handler = leaf < LEAVES ? handlers[leaf] : null;
        if (handler == null) {
            absent.count(leaf);
            return INVALID_RAX;
        }
        return run(handler, leaf, lp, rax, regs);
    }

    /** Runs a handler in place of a leaf's own, after the same checks. */
    public long call(LogicalProcessor lp, SeamcallLeaf leaf, SeamcallRegisters regs, LeafHandler inPlace) {
        long refused = check(leaf.number(), leaf.rax());
        return refused != 0 ? refused : run(inPlace, leaf.number(), lp, leaf.rax(), regs);
    }

    /** Runs what a guest does inside a leaf that is under way: a fatal error there is one of the leaf. */
    public <T> T inside(LogicalProcessor lp, SeamcallLeaf leaf, Supplier<T> step) {
        try {
            return step.get();
        } catch (ModuleFatal fatal) {
            throw shutDown(fatal, leaf.number(), lp);
        }
    }

    /** Checks the leaf word and the state of the module; the status, or 0. */
    private long check(int leaf, long rax) {
        if (down != null) {
            throw new SeamcallUnavailableException(down);
        }
        if ((rax & RESERVED) != 0 || ((rax & VERSION_BITS) != 0 && !isOneOf(VERSIONED_BITS, leaf))) {
            return INVALID_RAX;
        }
        return ready.getAsBoolean() ? 0 : checkUnready(leaf);
    }

    private long checkUnready(int leaf) {
        if (shutDown.getAsBoolean()) {
            return leaf == SeamcallLeaf.SYS_LP_SHUTDOWN.number() ? 0 : TdxStatus.SYS_SHUTDOWN.code();
        }
        return isOneOf(BEFORE_READY_BITS, leaf) ? 0 : TdxStatus.SYS_NOT_READY.code();
    }

    private long run(LeafHandler handler, int leaf, LogicalProcessor lp, long rax, SeamcallRegisters regs) {
        VarHandle.fullFence();
        try {
            return handler.run(lp, (int) (rax >>> VERSION_SHIFT), regs);
        } catch (ModuleFatal fatal) {
            throw shutDown(fatal, leaf, lp);
        } finally {
            VarHandle.fullFence();
        }
    }

    /** The leaves of the real module that are not here. */
    public AbsentLeaves absent() {
        return absent;
    }

    /** Ends every later call, for a reason in words. */
    public void shutDown(String reason) {
        claimDown(reason);
    }

    private SeamcallUnavailableException shutDown(ModuleFatal fatal, int leaf, LogicalProcessor lp) {
        SeamcallLeaf fatalLeaf = SeamcallLeaf.ofNumber(leaf);
        String reason = String.format(
                "the TDX module has shut down: fatal error %d in %s on processor %d",
                fatal.id(), fatalLeaf, lp.index());
        if (claimDown(reason)) {
            fatalListener.fatal(fatal.id(), fatalLeaf, lp.index());
        }
        return new SeamcallUnavailableException(reason, fatal);
    }

    private synchronized boolean claimDown(String reason) {
        if (down != null) {
            return false;
        }
        down = reason;
        return true;
    }

    private static boolean isOneOf(long bits, int leaf) {
        return leaf < LEAVES && (bits >>> leaf & 1) != 0;
    }

    private static long bits(Set<SeamcallLeaf> leaves) {
        long bits = 0;
        for (SeamcallLeaf leaf : leaves) {
            bits |= 1L << leaf.number();
        }
        return bits;
    }
}
