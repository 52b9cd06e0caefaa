package dev.pamt.races;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.pamt.api.PageAllocator;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.LLL_Result;

/**
 * Beyond the catalogue: a close beside freePage of the only page that is out.
 *
 * <p>The page has a user until it is freed, so the free is always accepted. A close that has ended finds the page back with the
 * allocator, although that is the last thing that freePage does.
 */
@JCStressTest
@Outcome(id = "closed, freed, clean", expect = ACCEPTABLE, desc = "freed first")
@Outcome(
        id = "in use, freed, clean",
        expect = ACCEPTABLE,
        desc = "the close was first and is refused for the page's region")
@Outcome(expect = FORBIDDEN, desc = "a page that cannot be freed, or that is not back just once")
@State
public class CloseBesideFreePage {
    private final SmallHost host = SmallHost.asConfigured();
    private final long page = host.manager.allocPage();

    @Actor
    public void first(LLL_Result result) {
        result.r1 = host.close(page & -PageAllocator.CHUNK_BYTES);
    }

    @Actor
    public void second(LLL_Result result) {
        result.r2 = host.freePage(page);
    }

    @Arbiter
    public void arbiter(LLL_Result result) {
        String closing = (String) result.r1;
        result.r3 = host.verdict(closing, page, SmallHost.EMPTY);
    }
}
