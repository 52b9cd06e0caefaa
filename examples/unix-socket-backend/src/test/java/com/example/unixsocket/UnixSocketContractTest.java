package com.example.unixsocket;

import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.tck.SeamcallProviderContractTest;
import java.util.EnumSet;
import java.util.Set;

/** This backend does what every backend must do. */
class UnixSocketContractTest extends SeamcallProviderContractTest {
    @Override
    protected SeamcallPlatform open(PlatformConfig config) {
        return new UnixSocketFactory().open(config);
    }

    @Override
    protected Set<Capability> capabilities() {
        return EnumSet.of(Capability.DYNAMIC_PAMT);
    }
}
