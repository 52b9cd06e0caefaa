package dev.pamt.impl;

import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;

/**
 * The claim of one manager on a module. Two managers on one module contradict each other: what one maps as a 2M page the other
 * backs, and each takes the other's pairs for foreign ones.
 *
 * <p>A module is known by the provider of its first logical processor, which is the same object each time. Claims hold it weakly:
 * a module that nothing refers to has no claim.
 */
final class ModuleClaim {
    private static final List<ModuleClaim> CLAIMS = new ArrayList<>();

    private final WeakReference<SeamcallProvider> module;

    private ModuleClaim(SeamcallProvider module) {
        this.module = new WeakReference<>(module);
    }

    /**
     * Claims the module of a platform.
     *
     * @throws IllegalStateException if another manager has claimed it
     */
    static ModuleClaim on(SeamcallPlatform platform) {
        SeamcallProvider module = platform.processor(0);
        ModuleClaim claim = new ModuleClaim(module);
        synchronized (CLAIMS) {
            CLAIMS.removeIf(other -> other.module.refersTo(null));
            if (CLAIMS.stream().anyMatch(other -> other.module.refersTo(module))) {
                throw new IllegalStateException(
                        "this module has a manager already; a host has one manager, close the other one first");
            }
            CLAIMS.add(claim);
        }
        return claim;
    }

    void release() {
        synchronized (CLAIMS) {
            CLAIMS.remove(this);
        }
    }
}
