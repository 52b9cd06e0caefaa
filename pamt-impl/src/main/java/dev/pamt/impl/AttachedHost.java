package dev.pamt.impl;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.Tdmr;
import dev.pamt.api.TdxHost;
import dev.pamt.impl.host.HostPageAllocator;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import java.util.List;
import java.util.Objects;

/** A host whose module other software has brought up; all that is known of it is how to call it. */
final class AttachedHost implements TdxHost {
    private static final int PAMT_4K_ENTRY_BYTES = 16;

    private final SeamcallPlatform platform;
    private final MemoryMap memory;
    private final HostPageAllocator allocator;

    AttachedHost(SeamcallProvider provider, PhysicalMemory physicalMemory, MemoryMap memory) {
        this.platform = new AttachedPlatform(provider, physicalMemory);
        this.memory = memory;
        this.allocator = new HostPageAllocator(memory.ram());
    }

    @Override
    public SeamcallPlatform platform() {
        return platform;
    }

    @Override
    public MemoryMap memory() {
        return memory;
    }

    @Override
    public boolean dynamicPamt() {
        return true;
    }

    @Override
    public int pamt4KEntryBytes() {
        return PAMT_4K_ENTRY_BYTES;
    }

    @Override
    public List<Tdmr> tdmrs() {
        return List.of();
    }

    @Override
    public PageAllocator allocator() {
        return allocator;
    }

    @Override
    public long freePages() {
        return allocator.freePages();
    }

    @Override
    public void close() {}

    private record AttachedPlatform(SeamcallProvider provider, PhysicalMemory memory) implements SeamcallPlatform {
        @Override
        public int processors() {
            return 1;
        }

        @Override
        public SeamcallProvider processor(int index) {
            Objects.checkIndex(index, 1);
            return provider;
        }

        @Override
        public int packages() {
            return 1;
        }

        @Override
        public int packageOf(int processor) {
            return Objects.checkIndex(processor, 1);
        }

        @Override
        public int firstPrivateHkid() {
            return 0;
        }

        @Override
        public int privateHkids() {
            return 0;
        }

        @Override
        public void close() {}
    }
}
