package dev.pamt.seamcall.decorator;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;

/**
 * Puts something between a caller and a backend.
 *
 * <p><b>Thread-safety:</b> a decorator, and the providers that it makes, may be used by any number of threads at once.
 */
@FunctionalInterface
public interface SeamcallDecorator {
    /**
     * Wraps the SEAMCALL instruction of one processor.
     *
     * @param backend what to call
     * @param processor the logical processor, from 0
     * @return what to call instead
     */
    SeamcallProvider decorate(SeamcallProvider backend, int processor);

    /**
     * Wraps the memory of a machine.
     *
     * @param memory what the machine has
     * @return the memory to use instead; the same one unless the decorator says otherwise
     */
    default PhysicalMemory decorate(PhysicalMemory memory) {
        return memory;
    }

    /**
     * Wraps the SEAMCALL instruction of all processors of a machine, and its memory. All else of the machine stays as it
     * is.
     *
     * @param platform the machine
     * @return the machine to use instead; closing it closes the machine
     */
    default SeamcallPlatform decorate(SeamcallPlatform platform) {
        return new DecoratedPlatform(platform, this);
    }

    /**
     * This decorator inside of another one.
     *
     * @param outer what is called first
     * @return both
     */
    default SeamcallDecorator inside(SeamcallDecorator outer) {
        SeamcallDecorator inner = this;
        return new SeamcallDecorator() {
            @Override
            public SeamcallProvider decorate(SeamcallProvider backend, int processor) {
                return outer.decorate(inner.decorate(backend, processor), processor);
            }

            @Override
            public PhysicalMemory decorate(PhysicalMemory memory) {
                return outer.decorate(inner.decorate(memory));
            }

            @Override
            public SeamcallPlatform decorate(SeamcallPlatform platform) {
                return outer.decorate(inner.decorate(platform));
            }
        };
    }
}
