package dev.pamt.races;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.pamt.api.PamtPageCache;
import dev.pamt.api.RegionState;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/**
 * Beyond the catalogue: the host gives a chunk that pairs are to be cut from, while a thread gets that very region.
 *
 * <p>One of them has it. A chunk whose region is in use goes back to the host, and the pair comes from elsewhere; a getter that
 * comes later is told that the region is a donor.
 */
@JCStressTest
@Outcome(id = "backed, donor, clean", expect = ACCEPTABLE, desc = "the chunk was first")
@Outcome(id = "backed, backed, clean", expect = ACCEPTABLE, desc = "the getter was first; the chunk has gone back")
@Outcome(expect = FORBIDDEN, desc = "pairs are cut from a region with a user, or a chunk is not back just once")
@State
public class ChunkAdoptedBesideGet {
    private final SmallHost host = SmallHost.withoutChunks();
    private final long chunk = SmallHost.region(0);
    private final long other = SmallHost.region(1);
    private final PamtPageCache cache = host.manager.newVcpuCache();

    public ChunkAdoptedBesideGet() {
        cache.topUp(1);
        host.allocator.offerChunk(chunk);
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.getAndLook(other);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.getAndLook(chunk, cache);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        cache.close();
        String found = host.compare(other, SmallHost.users(1));
        boolean donor = host.manager.state(chunk).kind() == RegionState.Kind.DONOR;
        host.manager.put(other);
        if (found == null && donor == "backed".equals(result.r2)) {
            found = donor ? "a donor with a user" : "no donor";
        }
        host.manager.trim();
        result.r3 = found == null ? host.verdict(chunk, SmallHost.users("backed".equals(result.r2) ? 1 : 0)) : found;
    }
}
