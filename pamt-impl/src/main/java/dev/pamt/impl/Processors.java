package dev.pamt.impl;

import dev.pamt.impl.host.Hashing;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.Seamcalls;
import java.util.function.IntSupplier;

/** The logical processors that calls are made on. The default spreads threads over all of them, by a hash of the thread's id. */
final class Processors {
    private final Seamcalls[] processors;
    private final IntSupplier choice;

    /**
     * Wraps the processors of a platform.
     *
     * @param choice returns the index for the calling thread; null for the default
     */
    Processors(SeamcallPlatform platform, IntSupplier choice) {
        this.processors = new Seamcalls[platform.processors()];
        for (int i = 0; i < processors.length; i++) {
            processors[i] = new Seamcalls(platform.processor(i));
        }
        this.choice = choice;
    }

    /** The processor for the calling thread; asked before anything is taken, because the choice is the user's. */
    Seamcalls current() {
        if (choice == null && processors.length == 1) {
            return processors[0];
        }
        if (choice == null) {
            int hash = (int) Hashing.spread(Thread.currentThread().getId()) & Integer.MAX_VALUE;
            return processors[hash % processors.length];
        }
        int index = choice.getAsInt();
        if (index < 0 || index >= processors.length) {
            throw new IndexOutOfBoundsException("the choice of processors returned " + index
                    + "; the platform has processors 0 to " + (processors.length - 1));
        }
        return processors[index];
    }

    /** Begins a transition of a region on the processor for the calling thread. */
    Transition begin(Region region, long hpa) {
        return new Transition(region, hpa, current());
    }
}
