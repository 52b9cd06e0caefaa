/**
 * What a user of the library programs against: the manager, lock strategies, page allocators, caches, host bring-up.
 *
 * <p>The implementation is found by {@link java.util.ServiceLoader}: put {@code pamt-impl} beside this module.
 */
module dev.pamt.api {
    requires transitive dev.pamt.seamcall;

    exports dev.pamt.api;
    exports dev.pamt.api.spi;

    uses dev.pamt.api.spi.PamtProvider;
}
