package dev.pamt.impl;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import dev.pamt.impl.host.GigabyteDirectory;
import dev.pamt.seamcall.PhysicalRange;
import java.util.Arrays;
import java.util.List;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/**
 * Weaker than volatile: {@link GigabyteDirectory} reads the words of a gigabyte with acquire.
 *
 * <p>A fills an array with EMPTY words and publishes it; B looks the gigabyte up. B sees no array, or one whose words say
 * EMPTY. A zero would be a backed region: with a plain read B could be told that a region has a pair before it has a word.
 */
@JCStressTest
@Outcome(id = "-1", expect = ACCEPTABLE, desc = "no array yet")
@Outcome(id = "12", expect = ACCEPTABLE, desc = "every word says EMPTY")
@Outcome(expect = FORBIDDEN, desc = "a word that was not written yet: a region that seems to be backed")
@State
public class DirectoryPublication {
    private static final int NOT_YET = -1;

    private final GigabyteDirectory<int[]> directory =
            new GigabyteDirectory<>(List.of(PhysicalRange.between(0, 1L << 30)));

    @Actor
    public void materialise() {
        int[] words = new int[RegionTable.REGIONS_PER_GIGABYTE];
        Arrays.fill(words, RegionWord.EMPTY);
        directory.put(0, words);
    }

    @Actor
    public void look(I_Result result) {
        int[] words = directory.get(0);
        result.r1 = words == null ? NOT_YET : (words[0] & words[words.length - 1]) >>> 28;
    }
}
