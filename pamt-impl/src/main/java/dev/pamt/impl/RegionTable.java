package dev.pamt.impl;

import dev.pamt.api.AddressOutsideMemoryException;
import dev.pamt.api.LockStrategy;
import dev.pamt.api.RegionState;
import dev.pamt.impl.host.GigabyteDirectory;
import dev.pamt.seamcall.PhysicalRange;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.List;

/**
 * Where the words of all regions lie: 512 ints for each touched gigabyte.
 *
 * <p>Two ways lead to them. The quick one is an array of the gigabytes up to 64 TiB, one load away from the word. It has only
 * gigabytes of which every region is RAM or not as a whole, so a word that is found there answers for each page of its region.
 * The other way is a {@link GigabyteDirectory}, which has all. It is taken where the quick one ends in nothing: a gigabyte is
 * touched for the first time, a region is RAM only in part, memory lies above 64 TiB. Each page is looked up in the memory map
 * first then.
 *
 * <p>Within a gigabyte the words of neighbouring regions are kept 128 bytes apart: the index is rotated, which costs
 * nothing, where padding would cost 32 times the memory. Neighbours are what different cores use at the same time. No word
 * lies in the cache line of the array's length, which every access reads: a get would fetch the line twice, once to look
 * at the length and once to write, and a thread that used another word of the gigabyte would lose the length each time.
 *
 * <p>Accessors are named for their memory order (lv volatile load, faa fetch-and-add, cae compare-and-exchange, all
 * volatile). None of a word is weaker: the fast path is one locked instruction on x86 either way, and on a machine with weaker
 * order the get must be an acquire (what follows it is a SEAMCALL on the page) and the put a release.
 */
final class RegionTable implements LockStrategy.RegionBits {
    static final int REGION_SHIFT = 21;
    static final int REGIONS_PER_GIGABYTE = GigabyteDirectory.REGIONS_PER_GIGABYTE;

    private static final VarHandle WORD = MethodHandles.arrayElementVarHandle(int[].class);
    static final long REGION_BYTES = 1L << REGION_SHIFT;
    private static final int GIGABYTE_SHIFT = 30;
    private static final long GIGABYTE = 1L << GIGABYTE_SHIFT;
    private static final int PAGE_SHIFT = 12;
    /** Neighbours are 1 << 5 ints, 128 bytes, apart; 9 bits of index are rotated. */
    private static final int ROTATE = 5;
    /** Ints left free before and after the words of a gigabyte: a cache line on either side of the array's length. */
    private static final int MARGIN = 16;

    /** Gigabytes that the quick way can lead to: 256 KiB at most for a host of that size. */
    private static final int MOST_QUICK = 1 << 16;

    private static final VarHandle QUICK = MethodHandles.arrayElementVarHandle(int[][].class);

    /**
     * By number of the gigabyte. An array is published with release and read with acquire, because a word that was not written yet
     * would be a backed region: {@code QuickWayPublication} of the race suite.
     */
    private final int[][] quick;

    private final GigabyteDirectory<int[]> directory;
    private final long[] ramStarts;
    private final long[] ramEnds;

    RegionTable(List<PhysicalRange> ram) {
        directory = new GigabyteDirectory<>(ram);
        long top = ram.stream().mapToLong(PhysicalRange::endHpa).max().orElse(0);
        quick = new int[(int) Math.min(MOST_QUICK, (top + GIGABYTE - 1) >>> GIGABYTE_SHIFT)][];
        ramStarts = ram.stream().mapToLong(PhysicalRange::baseHpa).toArray();
        ramEnds = ram.stream().mapToLong(PhysicalRange::endHpa).toArray();
    }

    static int lv(int[] words, int slot) {
        return (int) WORD.getVolatile(words, slot);
    }

    /** A volatile load after some turns of a spin loop. */
    static int spinThenLv(int pause, int[] words, int slot) {
        for (int i = 0; i < pause; i++) {
            Thread.onSpinWait();
        }
        return lv(words, slot);
    }

    static int faa(int[] words, int slot, int delta) {
        return (int) WORD.getAndAdd(words, slot, delta);
    }

    static int cae(int[] words, int slot, int expected, int update) {
        return (int) WORD.compareAndExchange(words, slot, expected, update);
    }

    /** Gives the region another state, whatever failed attempts are in its word. Only the holder of its lock may do that. */
    static void setState(int[] words, int slot, int state) {
        int seen = lv(words, slot);
        for (int witness; ; seen = witness) {
            witness = cae(words, slot, seen, RegionWord.withState(seen, state));
            if (witness == seen) {
                return;
            }
        }
    }

    /** The quick way, for a manager to keep: one load less on each fast path than from here. */
    int[][] quick() {
        return quick;
    }

    /**
     * The words of the gigabyte of a page, by the quick way; null if that does not lead there. One comparison checks all: a
     * misaligned address has its low bits on top after the rotation, where no gigabyte is.
     *
     * @param quick the quick way of a table
     */
    static int[] wordsOfPage(int[][] quick, long hpa) {
        long gigabyte = Long.rotateRight(hpa, PAGE_SHIFT) >>> (GIGABYTE_SHIFT - PAGE_SHIFT);
        return gigabyte < quick.length ? (int[]) QUICK.getAcquire(quick, (int) gigabyte) : null;
    }

    /**
     * The words of the gigabyte of a range of pages.
     *
     * @throws AddressOutsideMemoryException if a page of it is no RAM
     */
    int[] wordsOfRange(long hpa, int pages) {
        if (!isRam(hpa, pages)) {
            throw new AddressOutsideMemoryException(hpa);
        }
        return words(hpa);
    }

    /** The words of the gigabyte of an address, or null if it has not been used yet. */
    int[] wordsIfAny(long hpa) {
        return directory.get(hpa);
    }

    /**
     * The words of the gigabyte of an address.
     *
     * @throws AddressOutsideMemoryException if there is no RAM in that gigabyte
     */
    int[] words(long hpa) {
        int[] words = directory.get(hpa);
        return words != null ? words : materialise(hpa);
    }

    /**
     * The region of an address.
     *
     * @throws AddressOutsideMemoryException if there is no RAM in its gigabyte
     */
    Region region(long hpa) {
        return new Region(hpa, words(hpa), slot(hpa));
    }

    /** The place of a region's word within its gigabyte. */
    static int slot(long hpa) {
        return slotOf(indexInGigabyte(hpa));
    }

    /** The number of a region within its gigabyte. */
    static int indexInGigabyte(long hpa) {
        return (int) (hpa >>> REGION_SHIFT) & (REGIONS_PER_GIGABYTE - 1);
    }

    static int gigabyteOf(long hpa) {
        return (int) (hpa >>> GIGABYTE_SHIFT);
    }

    private static int slotOf(int index) {
        return MARGIN + (((index << ROTATE) | (index >>> (9 - ROTATE))) & (REGIONS_PER_GIGABYTE - 1));
    }

    static long regionOf(long hpa) {
        return hpa >>> REGION_SHIFT;
    }

    static long hpaOf(long region) {
        return region << REGION_SHIFT;
    }

    /** Whether every page of a range is RAM. */
    boolean isRam(long hpa, int pages) {
        int at = Arrays.binarySearch(ramStarts, hpa);
        int range = at >= 0 ? at : -at - 2;
        // No sum that could overflow: an allocator of a user may name any address.
        return range >= 0 && hpa < ramEnds[range] && pages <= (ramEnds[range] - hpa) >>> PAGE_SHIFT;
    }

    /** Whether an address lies in a donor chunk. */
    boolean isDonor(long hpa) {
        int[] words = directory.get(hpa);
        return words != null && RegionWord.state(lv(words, slot(hpa))) == RegionWord.DONOR;
    }

    /** The state of any address, which need not have been used. */
    RegionState describe(long hpa) {
        int[] words = directory.get(hpa);
        if (words != null) {
            return RegionWord.describe(lv(words, slot(hpa)));
        }
        boolean ram = ramBytes(hpa & -REGION_BYTES, REGION_BYTES) > 0;
        return RegionWord.describe(ram ? RegionWord.EMPTY : RegionWord.OUTSIDE);
    }

    /** Shows the word of every region that has RAM, if it exists, in ascending order. */
    void forEach(RegionVisitor visitor) {
        for (long hpa = nextWithRam(0); hpa >= 0; hpa = nextWithRam(hpa + REGION_BYTES)) {
            visitor.visit(hpa, directory.get(hpa), slot(hpa));
        }
    }

    /**
     * Returns the address of the first region from a given one on that has a word and RAM, or -1.
     *
     * @param from the address of a region
     */
    private long nextWithRam(long from) {
        long hpa = from;
        for (int gigabyte = directory.next(gigabyteOf(hpa));
                gigabyte >= 0;
                gigabyte = directory.next(gigabyteOf(hpa))) {
            hpa = Math.max(hpa, (long) gigabyte << GIGABYTE_SHIFT);
            if (RegionWord.state(lv(directory.at(gigabyte), slot(hpa))) != RegionWord.OUTSIDE) {
                return hpa;
            }
            hpa += REGION_BYTES;
        }
        return -1;
    }

    /**
     * Returns the address of the first region from a given one on that is idle and not queued, or unknown; or -1.
     *
     * @param from the address of a region
     */
    long nextNeedingReclaim(long from) {
        for (long hpa = from; ; hpa += REGION_BYTES) {
            int gigabyte = directory.next(gigabyteOf(hpa));
            if (gigabyte < 0) {
                return -1;
            }
            hpa = Math.max(hpa, (long) gigabyte << GIGABYTE_SHIFT);
            int word = lv(directory.at(gigabyte), slot(hpa));
            if (Region.canBeQueued(word) || RegionWord.state(word) == RegionWord.UNKNOWN) {
                return hpa;
            }
        }
    }

    /** Looks at a region. */
    @FunctionalInterface
    interface RegionVisitor {
        void visit(long hpa, int[] words, int slot);
    }

    private int[] materialise(long hpa) {
        long gigabyteHpa = hpa & -GIGABYTE;
        if (ramBytes(gigabyteHpa, GIGABYTE) == 0) {
            throw new AddressOutsideMemoryException(hpa);
        }
        int[] made = new int[MARGIN + REGIONS_PER_GIGABYTE + MARGIN];
        boolean whole = true;
        for (int index = 0; index < REGIONS_PER_GIGABYTE; index++) {
            long ram = ramBytes(gigabyteHpa + index * REGION_BYTES, REGION_BYTES);
            made[slotOf(index)] = ram == 0 ? RegionWord.OUTSIDE : RegionWord.EMPTY;
            whole &= ram == 0 || ram == REGION_BYTES;
        }
        int[] words = directory.put(hpa, made);
        if (whole && gigabyteOf(hpa) < quick.length) {
            QUICK.setRelease(quick, gigabyteOf(hpa), words);
        }
        return words;
    }

    private long ramBytes(long startHpa, long bytes) {
        long ram = 0;
        for (int i = 0; i < ramStarts.length; i++) {
            ram += Math.max(0, Math.min(ramEnds[i], startHpa + bytes) - Math.max(ramStarts[i], startHpa));
        }
        return ram;
    }

    @Override
    public int get(long region) {
        long hpa = hpaOf(region);
        return lv(words(hpa), slot(hpa)) & RegionWord.LOCK_BITS;
    }

    @Override
    public boolean compareAndSet(long region, int expected, int update) {
        long hpa = hpaOf(region);
        if (((expected | update) & ~RegionWord.LOCK_BITS) != 0) {
            throw new IllegalArgumentException(
                    "the spare bits of a region are a value from 0 to 3, not " + expected + " or " + update);
        }
        int[] words = words(hpa);
        int slot = slot(hpa);
        int seen = lv(words, slot);
        while ((seen & RegionWord.LOCK_BITS) == expected) {
            int witness = cae(words, slot, seen, (seen & ~RegionWord.LOCK_BITS) | update);
            if (witness == seen) {
                return true;
            }
            seen = witness;
        }
        return false;
    }
}
