/**
 * The implementation of dev.pamt.api. It exports nothing: users reach it through {@code PamtManager.builder()}.
 *
 * @provides dev.pamt.api.spi.PamtProvider
 */
module dev.pamt.impl {
    requires dev.pamt.api;
    requires dev.pamt.seamcall;
    requires static java.management;
    requires org.jctools.core;
    requires org.slf4j;

    provides dev.pamt.api.spi.PamtProvider with
            dev.pamt.impl.PamtProviderImpl;
}
