package com.example.lockstrategy;

import dev.pamt.api.LockStrategy;
import dev.pamt.tck.LockStrategyContractTest;

/** This strategy does what every lock strategy must do. */
class SemaphorePerGigabyteContractTest extends LockStrategyContractTest {
    @Override
    protected LockStrategy strategy() {
        return new SemaphorePerGigabyte();
    }
}
