package dev.pamt.seamcall;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Sets of addresses, against sets of bits. */
class PhysicalRangesTest {
    private static final int END = 64;

    private final long seed = new Random().nextLong();
    private final Random random = new Random(seed);

    private List<PhysicalRange> ranges(boolean apart) {
        List<PhysicalRange> ranges = new ArrayList<>();
        int at = 0;
        for (int i = random.nextInt(6); i > 0; i--) {
            int start = apart ? at + random.nextInt(10) : random.nextInt(END - 10);
            int end = start + 1 + random.nextInt(9);
            if (end <= END) {
                ranges.add(PhysicalRange.between(start, end));
                // Ranges that touch each other are joined in a set, so these are one apart at least.
                at = end + 1;
            }
        }
        return ranges;
    }

    private static BitSet bits(List<PhysicalRange> ranges) {
        BitSet bits = new BitSet();
        ranges.forEach(range -> bits.set((int) range.baseHpa(), (int) range.endHpa()));
        return bits;
    }

    private static List<PhysicalRange> runs(BitSet bits) {
        List<PhysicalRange> runs = new ArrayList<>();
        for (int start = bits.nextSetBit(0); start >= 0; start = bits.nextSetBit(bits.nextClearBit(start))) {
            runs.add(PhysicalRange.between(start, bits.nextClearBit(start)));
        }
        return runs;
    }

    @Test
    void everySetIsTheOneOfTheAddressesThatItHas() {
        for (int round = 0; round < 5_000; round++) {
            List<PhysicalRange> some = ranges(false);
            List<PhysicalRange> others = ranges(true);
            int start = random.nextInt(END - 1);
            PhysicalRange window = PhysicalRange.between(start, start + 1 + random.nextInt(END - start));
            BitSet inWindow = bits(List.of(window));
            String message = "seed " + seed + ", round " + round + ": " + some + ", " + others + ", " + window;

            Collections.shuffle(some, random);
            assertEquals(runs(bits(some)), PhysicalRanges.union(some), message);
            BitSet inside = bits(others);
            inside.and(inWindow);
            assertEquals(runs(inside), PhysicalRanges.inside(window, others), message);
            BitSet holes = bits(List.of(window));
            holes.andNot(bits(others));
            assertEquals(runs(holes), PhysicalRanges.holes(window, others), message);
            BitSet both = bits(some);
            both.and(bits(others));
            assertEquals(runs(both), PhysicalRanges.intersection(PhysicalRanges.union(some), others), message);
            BitSet rest = bits(some);
            rest.andNot(bits(others));
            assertEquals(runs(rest), PhysicalRanges.without(PhysicalRanges.union(some), others), message);
        }
    }

    @Test
    void rangesAreRoundedOutAsFarAsTheOneBeforeDoesNotCoverThem() {
        assertEquals(
                List.of(PhysicalRange.between(0, 16), PhysicalRange.between(16, 32), PhysicalRange.between(48, 64)),
                PhysicalRanges.roundedOut(
                        List.of(
                                PhysicalRange.between(1, 2),
                                PhysicalRange.between(5, 16),
                                PhysicalRange.between(16, 20),
                                PhysicalRange.between(22, 30),
                                PhysicalRange.between(63, 64)),
                        16));
    }

    @Test
    void rangesAreRoundedInToTheUnitsThatTheyHaveAsAWhole() {
        assertEquals(
                List.of(PhysicalRange.between(16, 32), PhysicalRange.between(64, 128)),
                PhysicalRanges.roundedIn(
                        List.of(
                                PhysicalRange.between(1, 15),
                                PhysicalRange.between(16, 33),
                                PhysicalRange.between(34, 50),
                                PhysicalRange.between(63, 128)),
                        16));
    }
}
