package dev.pamt.impl;

import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.decorator.SeamcallDecorator;

/** A backend whose module cannot be initialised. A test asks the machine that was opened last whether it is closed. */
public final class BrokenBackend implements SeamcallProviderFactory {
    static volatile SeamcallPlatform opened;

    @Override
    public String name() {
        return "broken";
    }

    @Override
    public String description() {
        return "a module that cannot be initialised";
    }

    @Override
    public SeamcallPlatform open(PlatformConfig config) {
        SeamcallDecorator broken = (backend, processor) -> (rax, regs) -> rax == SeamcallLeaf.SYS_CONFIG.rax()
                ? TdxStatus.SYS_CONFIG_NOT_PENDING.code()
                : backend.seamcall(rax, regs);
        opened = broken.decorate(SeamcallProviderFactory.named("emulator").open(config));
        return opened;
    }
}
