package dev.pamt.lab;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;

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
        return new LeakyPlatform(SeamcallProviderFactory.named("emulator").open(config));
    }

    private record LeakyPlatform(SeamcallPlatform emulator) implements SeamcallPlatform {
        @Override
        public SeamcallProvider processor(int index) {
            SeamcallProvider processor = emulator.processor(index);
            return (rax, regs) -> rax == SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax()
                    ? TdxStatus.OPERAND_BUSY.with(TdxOperand.RCX)
                    : processor.seamcall(rax, regs);
        }

        @Override
        public int processors() {
            return emulator.processors();
        }

        @Override
        public int packages() {
            return emulator.packages();
        }

        @Override
        public int packageOf(int processor) {
            return emulator.packageOf(processor);
        }

        @Override
        public PhysicalMemory memory() {
            return emulator.memory();
        }

        @Override
        public int firstPrivateHkid() {
            return emulator.firstPrivateHkid();
        }

        @Override
        public int privateHkids() {
            return emulator.privateHkids();
        }

        @Override
        public void close() {
            emulator.close();
        }
    }
}
