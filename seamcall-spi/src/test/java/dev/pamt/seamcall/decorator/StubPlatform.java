package dev.pamt.seamcall.decorator;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;

/** A machine of two processors that all have one provider. */
record StubPlatform(SeamcallProvider provider) implements SeamcallPlatform {
    @Override
    public int processors() {
        return 2;
    }

    @Override
    public SeamcallProvider processor(int index) {
        return provider;
    }

    @Override
    public int packages() {
        return 1;
    }

    @Override
    public int packageOf(int processor) {
        return 0;
    }

    @Override
    public PhysicalMemory memory() {
        return PhysicalMemory.none();
    }

    @Override
    public int firstPrivateHkid() {
        return 32;
    }

    @Override
    public int privateHkids() {
        return 32;
    }

    @Override
    public void close() {}
}
