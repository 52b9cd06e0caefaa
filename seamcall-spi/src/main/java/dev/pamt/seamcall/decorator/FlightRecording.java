package dev.pamt.seamcall.decorator;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxStatus;

/**
 * Makes every call an event {@code dev.pamt.Seamcall} of the JDK's Flight Recorder: leaf, processor, the inputs in RAX, RCX,
 * RDX and R8, status and duration. Costs next to nothing while no recording runs. Needs the module {@code jdk.jfr}, which on the
 * module path has to be asked for: {@code --add-modules jdk.jfr}.
 *
 * <p>Stateless and thread-safe. <b>Progress:</b> never waits.
 */
public final class FlightRecording implements SeamcallDecorator {
    /** Makes the decorator. */
    public FlightRecording() {}

    @Override
    public SeamcallProvider decorate(SeamcallProvider backend, int processor) {
        return (rax, regs) -> call(backend, processor, rax, regs);
    }

    private static long call(SeamcallProvider backend, int processor, long rax, SeamcallRegisters regs) {
        SeamcallEvent event = new SeamcallEvent();
        if (!event.isEnabled()) {
            return backend.seamcall(rax, regs);
        }
        event.processor = processor;
        event.rax = rax;
        event.rcx = regs.rcx;
        event.rdx = regs.rdx;
        event.r8 = regs.r8;
        event.status = "threw";
        event.begin();
        try {
            long status = backend.seamcall(rax, regs);
            event.statusWord = status;
            event.status = TdxStatus.toString(status);
            return status;
        } finally {
            event.end();
            if (event.shouldCommit()) {
                SeamcallLeaf leaf = SeamcallLeaf.of(rax);
                event.leaf = leaf == null ? Integer.toString(SeamcallLeaf.numberOf(rax)) : leaf.abiName();
                event.commit();
            }
        }
    }
}
