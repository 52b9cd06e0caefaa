/**
 * The implementation of dev.pamt.api. It exports nothing: users reach it through {@code PamtManager.builder()}.
 *
 * @provides dev.pamt.api.spi.PamtProvider
 * @provides dev.pamt.api.spi.LockStrategyFactory
 * @provides dev.pamt.api.spi.ReclaimPolicyFactory
 * @uses dev.pamt.api.spi.LockStrategyFactory
 * @uses dev.pamt.api.spi.ReclaimPolicyFactory
 */
module dev.pamt.impl {
    requires dev.pamt.api;
    requires dev.pamt.seamcall;
    requires static java.management;
    requires org.jctools.core;
    requires org.slf4j;

    uses dev.pamt.api.spi.LockStrategyFactory;
    uses dev.pamt.api.spi.ReclaimPolicyFactory;

    provides dev.pamt.api.spi.LockStrategyFactory with
            dev.pamt.impl.BuiltInLockStrategies;
    provides dev.pamt.api.spi.ReclaimPolicyFactory with
            dev.pamt.impl.BuiltInReclaimPolicies;
    provides dev.pamt.api.spi.PamtProvider with
            dev.pamt.impl.PamtProviderImpl;
}
