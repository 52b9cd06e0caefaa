package dev.pamt.impl.oom;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import java.util.List;

/** An emulated machine that has been brought up, for one case. */
final class Machine implements AutoCloseable {
    /** The last page of RAM below 2 GiB, in the middle of a region. */
    static final long EDGE_HPA = 0x7FF4_F000L;

    static final long FIRST_REGION_HPA = 0x1_3000_0000L;

    static final long LOW_HPA = 0x1_0800_0000L;

    /** Where what the allocator has begins. */
    static final long STOCK_HPA = 0x1_1000_0000L;

    static final int STOCK_CHUNKS = 6;
    static final int STOCK_PAGES = 256;

    private static final MemoryMap MAP = MemoryMap.of(List.of(
            PhysicalRange.between(0x10_0000, EDGE_HPA + PageAllocator.PAGE_BYTES),
            PhysicalRange.between(0x1_0000_0000L, 0x1_4000_0000L)));

    private final Setup setup;
    private final SeamcallPlatform platform;
    private final TdxHost host;
    private final ScriptedModule module;
    private final Bank bank;
    private final long freeAtFirst;

    Machine(Setup setup, Findings findings) {
        this.setup = setup;
        PlatformConfig.Builder config = PlatformConfig.builder().cmrs(MAP.cmrs());
        if (setup.memory() == Setup.Memory.STATIC) {
            config.option("dynamic-pamt", "false");
        }
        platform = SeamcallProviderFactory.named("emulator").open(config.build());
        host = TdxHost.bringUp(platform, MAP);
        module = new ScriptedModule(platform.processor(0));
        PageAllocator stock = setup.memory() == Setup.Memory.HOST
                ? host.allocator()
                : new Bank.Stock(STOCK_HPA, setup.memory() == Setup.Memory.CHUNKS ? STOCK_CHUNKS : 0, STOCK_PAGES);
        bank = new Bank(stock, module::has, findings);
        freeAtFirst = host.freePages();
    }

    /** A manager of the module; a machine without Dynamic PAMT has one that calls nothing. */
    PamtManager build() {
        PamtManager.Builder builder = PamtManager.builder();
        if (setup.memory() == Setup.Memory.STATIC) {
            builder.host(host);
        } else {
            builder.seamcalls(setup.sabotage().on(module), platform.memory()).memory(MAP);
        }
        return builder.allocator(setup.sabotage().on(bank))
                .lockStrategy(setup.newStrategy())
                .reclaimPolicy(setup.policy())
                .build();
    }

    ScriptedModule module() {
        return module;
    }

    Bank bank() {
        return bank;
    }

    /** Pages that the host's own allocator misses, though what was taken from it is back. */
    long missingAtHost() {
        return setup.memory() == Setup.Memory.HOST ? freeAtFirst - host.freePages() - bank.out() : 0;
    }

    /** Whether the module has a pair for a region. */
    boolean isBacked(long regionHpa) {
        SeamcallRegisters regs = new SeamcallRegisters();
        new Seamcalls(platform.processor(0)).pageRdmd(regs, PageLevel.SIZE_2M.encode(regionHpa));
        return regs.rcx != 0;
    }

    @Override
    public void close() {
        host.close();
    }
}
