package dev.pamt.lab;

import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.decorator.SeamcallDecorator;

/** The emulator with a module that never gives a page pair back. */
public final class LeakyBackend implements SeamcallProviderFactory {
    @Override
    public String name() {
        return "leaky";
    }

    @Override
    public String description() {
        return "a module that never gives a page pair back";
    }

    @Override
    public SeamcallPlatform open(PlatformConfig config) {
        SeamcallDecorator leaky = (backend, processor) -> (rax, regs) -> rax == SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax()
                ? TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX)
                : backend.seamcall(rax, regs);
        return leaky.decorate(SeamcallProviderFactory.named("emulator").open(config));
    }
}
