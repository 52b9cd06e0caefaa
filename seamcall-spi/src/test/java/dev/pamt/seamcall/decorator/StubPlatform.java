package dev.pamt.seamcall.decorator;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.harness.ModuleInspection;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A machine of two processors, on two packages, that all have one provider. */
final class StubPlatform implements SeamcallPlatform {
    final ModuleInspection inspection = (ModuleInspection) Proxy.newProxyInstance(
            StubPlatform.class.getClassLoader(), new Class<?>[] {ModuleInspection.class}, (proxy, method, args) -> {
                throw new UnsupportedOperationException(method.getName());
            });
    final List<String> hostWrites = new ArrayList<>();
    int closed;

    private final SeamcallProvider provider;

    StubPlatform(SeamcallProvider provider) {
        this.provider = provider;
    }

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
        return 2;
    }

    @Override
    public int packageOf(int processor) {
        return processor;
    }

    /** Reads as the address, and keeps a list of what is written. */
    @Override
    public PhysicalMemory memory() {
        return new PhysicalMemory() {
            @Override
            public long read64(long hpa) {
                return hpa;
            }

            @Override
            public void write64(long hpa, long value) {
                hostWrites.add(String.format("0x%x=0x%x", hpa, value));
            }

            @Override
            public void clearPage(long hpa) {
                hostWrites.add(String.format("0x%x cleared", hpa));
            }
        };
    }

    @Override
    public int firstPrivateHkid() {
        return 32;
    }

    @Override
    public int privateHkids() {
        return 31;
    }

    @Override
    public <T> Optional<T> extension(Class<T> type) {
        return Optional.of(inspection).filter(type::isInstance).map(type::cast);
    }

    @Override
    public void close() {
        closed++;
    }
}
