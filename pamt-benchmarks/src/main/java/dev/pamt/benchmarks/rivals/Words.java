package dev.pamt.benchmarks.rivals;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Where a rival that counts in ints finds the count of a region: in one array, or by gigabyte first as this library does.
 *
 * <p>Accessors are named for their memory order (lv volatile load, sv volatile store, faa fetch-and-add, cas compare-and-set).
 */
abstract class Words {
    private static final VarHandle WORD = MethodHandles.arrayElementVarHandle(int[].class);
    private static final VarHandle GIGABYTE = MethodHandles.arrayElementVarHandle(int[][].class);

    abstract int[] array(long hpa);

    abstract int slot(long hpa);

    static int lv(int[] words, int slot) {
        return (int) WORD.getVolatile(words, slot);
    }

    static void sv(int[] words, int slot, int value) {
        WORD.setVolatile(words, slot, value);
    }

    static int faa(int[] words, int slot, int delta) {
        return (int) WORD.getAndAdd(words, slot, delta);
    }

    static boolean cas(int[] words, int slot, int expected, int update) {
        return WORD.compareAndSet(words, slot, expected, update);
    }

    /** One array for the regions of the benchmark, neighbours beside each other. */
    static final class Flat extends Words {
        private final Regions regions;
        private final int[] words;

        Flat(Regions regions) {
            this.regions = regions;
            words = new int[regions.count()];
        }

        @Override
        int[] array(long hpa) {
            return words;
        }

        @Override
        int slot(long hpa) {
            return regions.index(hpa);
        }
    }

    /** An array for each gigabyte, in the whole address space. */
    static final class Sparse extends Words {
        private final int[][] gigabytes;

        Sparse(Regions regions) {
            gigabytes = new int[Gigabytes.below(regions)][];
        }

        @Override
        int[] array(long hpa) {
            long number = Gigabytes.number(hpa);
            if (number >= gigabytes.length) {
                throw Gigabytes.absent(hpa);
            }
            int[] words = (int[]) GIGABYTE.getAcquire(gigabytes, (int) number);
            return words != null ? words : materialise((int) number);
        }

        @Override
        int slot(long hpa) {
            return Gigabytes.slot(hpa);
        }

        private synchronized int[] materialise(int number) {
            if (gigabytes[number] == null) {
                GIGABYTE.setRelease(
                        gigabytes, number, new int[Gigabytes.MARGIN + Gigabytes.REGIONS + Gigabytes.MARGIN]);
            }
            return gigabytes[number];
        }
    }
}
