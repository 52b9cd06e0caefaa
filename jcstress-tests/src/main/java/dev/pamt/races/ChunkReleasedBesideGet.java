package dev.pamt.races;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.pamt.api.PamtPageCache;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/**
 * Beyond the catalogue: a chunk that is wholly free goes back to the host, while a thread gets that very region.
 */
@JCStressTest
@Outcome(
        id = "trimmed, donor, clean",
        expect = ACCEPTABLE,
        desc = "the getter was first and is told that the region is a donor")
@Outcome(id = "trimmed, backed, clean", expect = ACCEPTABLE, desc = "the chunk was back first")
@Outcome(expect = FORBIDDEN, desc = "the region is a donor with a user, or the chunk is not back just once")
@State
public class ChunkReleasedBesideGet {
    private final SmallHost host = SmallHost.withoutChunks();
    private final long chunk = SmallHost.region(0);
    private final PamtPageCache cache = host.manager.newVcpuCache();

    public ChunkReleasedBesideGet() {
        cache.topUp(1);
        host.allocator.offerChunk(chunk);
        try (PamtPageCache spare = host.manager.newVcpuCache()) {
            spare.topUp(1);
        }
    }

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.trim();
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.getAndLook(chunk, cache);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        cache.close();
        result.r3 = host.verdict(chunk, SmallHost.users("backed".equals(result.r2) ? 1 : 0));
    }
}
