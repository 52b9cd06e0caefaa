package dev.pamt.races;

import dev.pamt.api.CacheExhaustedException;
import dev.pamt.api.DoubleFreeException;
import dev.pamt.api.NoUsersException;
import dev.pamt.api.PamtManager;
import dev.pamt.api.PamtPageCache;
import dev.pamt.api.RegionInUseException;
import dev.pamt.api.RegionMapped2MException;
import dev.pamt.api.RegionState;
import dev.pamt.api.SeamcallFailedException;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;

/** One region of the host, and what actors do with it; every answer is a word or two. */
final class Region {
    static final String BACKED = "backed";
    static final String SOUND = "sound";

    final long hpa;
    final PamtManager manager;
    private final RecordingPlatform module;
    private final Seamcalls seamcalls;

    Region(RaceHost host, long hpa) {
        this.hpa = hpa;
        this.manager = host.manager;
        this.module = host.module;
        this.seamcalls = new Seamcalls(module.processor(0));
        module.forget(hpa);
    }

    /** A region that has one user from the start. */
    static Region withOneUser() {
        Region region = RaceHost.withChunks().nextRegion();
        region.manager.get(region.hpa);
        return region;
    }

    static Region empty() {
        return RaceHost.withChunks().nextRegion();
    }

    /** Gets the region and asks the module at once whether its pair is there: what a caller's next SEAMCALL would find. */
    String getAndLook() {
        return getAndLook(1);
    }

    String getAndLook(int pages) {
        try {
            manager.get(hpa, pages);
        } catch (SeamcallFailedException refused) {
            return "refused";
        } catch (RegionMapped2MException mapped) {
            return "mapped 2M";
        }
        return look();
    }

    /** As above, with a pair from a cache. */
    String getAndLook(PamtPageCache cache) {
        try {
            manager.get(hpa, cache);
        } catch (CacheExhaustedException empty) {
            return "exhausted";
        } catch (SeamcallFailedException refused) {
            return "refused";
        }
        return look();
    }

    /** What the module says of the region: PAGE.RDMD, made outside the library. */
    String look() {
        SeamcallRegisters regs = new SeamcallRegisters();
        long status = seamcalls.pageRdmd(regs, PageLevel.SIZE_2M.encode(hpa));
        if (TdxStatus.OPERAND_BUSY.matches(status)) {
            return "busy";
        }
        return regs.rcx != 0 ? BACKED : "unbacked";
    }

    String put() {
        return put(1);
    }

    String put(int pages) {
        try {
            manager.put(hpa, pages);
            return "put";
        } catch (NoUsersException refused) {
            return "no users";
        }
    }

    String map2M() {
        try {
            manager.map2M(hpa);
            return "mapped 2M";
        } catch (RegionInUseException refused) {
            return "in use";
        } catch (RegionMapped2MException refused) {
            return "mapped before";
        } catch (SeamcallFailedException refused) {
            return "refused";
        }
    }

    /** Maps the region when its users have left: at the first try, unless the REMOVE that is to be refused is yet to come. */
    String map2MAtLast() {
        boolean refusal = module.refusesNextRemove(hpa);
        String mapped = map2M();
        return refusal && mapped.equals("refused") ? map2M() : mapped;
    }

    String freePage(long page) {
        try {
            manager.freePage(page);
            return "freed";
        } catch (DoubleFreeException refused) {
            return "refused";
        }
    }

    void refuseNextAdd() {
        module.refuseNextAdd(hpa);
    }

    void refuseNextRemove() {
        module.refuseNextRemove(hpa);
    }

    int adds() {
        return module.count(hpa, RecordingPlatform.ADDED);
    }

    /**
     * What the arbiter says: that the region has just these users, that the module has a pair if it has any, and none when
     * they have left; and that on the way the module was never asked for what it refuses, nor by two at once.
     *
     * <p>Where regions are kept idle the pair may stay after the last user; it must go when the region is mapped as one 2M
     * page.
     */
    String verdict(int users) {
        return module.count(hpa, RecordingPlatform.BUSY) > 0 ? "the module was busy" : verdictBesideAuditor(users);
    }

    /** The verdict where a call past the manager may have met one of its own in the module. */
    String verdictBesideAuditor(int users) {
        String found = users > 0 ? compare(users) : SOUND;
        int left = manager.state(hpa).users();
        if (left > 0) {
            manager.put(hpa, left);
        }
        if (users == 0 && left > 0) {
            found = left + " users too many";
        }
        if (found.equals(SOUND) && RaceHost.policy().idleRegions() > 0) {
            found = takeIdlePairBack();
        }
        if (found.equals(SOUND)) {
            found = compare(0);
        }
        if (module.count(hpa, RecordingPlatform.DOUBLED) > 0) {
            return "a pair in two hands";
        }
        if (module.count(hpa, RecordingPlatform.REFUSED) > 0) {
            return "the module has refused";
        }
        if (adds() != module.count(hpa, RecordingPlatform.REMOVED)) {
            return "a pair is left over";
        }
        return found;
    }

    /**
     * Maps the region as one 2M page, which takes an idle pair out of the way. Until then the region is not looked at: a put
     * of another state may take the pair back at any time, and a look would be in its way.
     */
    private String takeIdlePairBack() {
        String mapped = map2MAtLast();
        if (!mapped.equals("mapped 2M")) {
            return "not idle: " + mapped;
        }
        String found = look();
        manager.unmap2M(hpa);
        return found.equals("unbacked") ? SOUND : "mapped 2M and " + found;
    }

    private String compare(int users) {
        RegionState expected = users == 0
                ? new RegionState(RegionState.Kind.EMPTY, 0)
                : new RegionState(RegionState.Kind.BACKED, users);
        RegionState state = manager.state(hpa);
        if (!state.equals(expected)) {
            return state.kind() + " with " + state.users() + " users";
        }
        String module = look();
        return module.equals(users == 0 ? "unbacked" : BACKED) ? SOUND : module + " with " + users + " users";
    }
}
