package dev.pamt.benchmarks;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.decorator.SeamcallDecorator;
import java.util.concurrent.atomic.AtomicLong;

/** Counts the ADDs and REMOVEs that have been answered. */
final class CountedCalls implements SeamcallDecorator {
    private final AtomicLong answered = new AtomicLong();

    long answered() {
        return answered.get();
    }

    @Override
    public SeamcallProvider decorate(SeamcallProvider backend, int processor) {
        return (rax, regs) -> {
            long status = backend.seamcall(rax, regs);
            SeamcallLeaf leaf = SeamcallLeaf.of(rax);
            if (leaf == SeamcallLeaf.PHYMEM_PAMT_ADD || leaf == SeamcallLeaf.PHYMEM_PAMT_REMOVE) {
                answered.getAndIncrement();
            }
            return status;
        };
    }
}
