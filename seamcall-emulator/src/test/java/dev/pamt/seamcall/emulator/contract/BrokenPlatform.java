package dev.pamt.seamcall.emulator.contract;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.emulator.EmulatorFactory;
import java.util.Optional;

/** The emulator with one thing wrong. */
class BrokenPlatform implements SeamcallPlatform {
    final SeamcallPlatform good;

    BrokenPlatform(PlatformConfig config) {
        good = new EmulatorFactory().open(config);
    }

    @Override
    public int processors() {
        return good.processors();
    }

    @Override
    public SeamcallProvider processor(int index) {
        return good.processor(index);
    }

    @Override
    public int packages() {
        return good.packages();
    }

    @Override
    public int packageOf(int processor) {
        return good.packageOf(processor);
    }

    @Override
    public PhysicalMemory memory() {
        return good.memory();
    }

    @Override
    public int firstPrivateHkid() {
        return good.firstPrivateHkid();
    }

    @Override
    public int privateHkids() {
        return good.privateHkids();
    }

    @Override
    public <T> Optional<T> extension(Class<T> type) {
        return good.extension(type);
    }

    @Override
    public void close() {
        good.close();
    }
}
