package dev.pamt.seamcall.decorator;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import java.util.Optional;

/** A machine whose processors and memory are wrapped. */
final class DecoratedPlatform implements SeamcallPlatform {
    private final SeamcallPlatform platform;
    private final SeamcallProvider[] processors;
    private final PhysicalMemory memory;

    DecoratedPlatform(SeamcallPlatform platform, SeamcallDecorator decorator) {
        this.platform = platform;
        memory = decorator.decorate(platform.memory());
        processors = new SeamcallProvider[platform.processors()];
        for (int i = 0; i < processors.length; i++) {
            processors[i] = decorator.decorate(platform.processor(i), i);
        }
    }

    @Override
    public int processors() {
        return processors.length;
    }

    @Override
    public SeamcallProvider processor(int index) {
        return processors[index];
    }

    @Override
    public int packages() {
        return platform.packages();
    }

    @Override
    public int packageOf(int processor) {
        return platform.packageOf(processor);
    }

    @Override
    public PhysicalMemory memory() {
        return memory;
    }

    @Override
    public int firstPrivateHkid() {
        return platform.firstPrivateHkid();
    }

    @Override
    public int privateHkids() {
        return platform.privateHkids();
    }

    @Override
    public <T> Optional<T> extension(Class<T> type) {
        return platform.extension(type);
    }

    @Override
    public void close() {
        platform.close();
    }
}
