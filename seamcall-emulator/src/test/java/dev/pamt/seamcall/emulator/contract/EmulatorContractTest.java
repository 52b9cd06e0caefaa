package dev.pamt.seamcall.emulator.contract;

import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.emulator.EmulatorFactory;
import dev.pamt.tck.SeamcallProviderContractTest;

/** The emulator does what every backend must do. */
class EmulatorContractTest extends SeamcallProviderContractTest {
    @Override
    protected SeamcallPlatform open(PlatformConfig config) {
        return new EmulatorFactory().open(config);
    }
}
