package dev.pamt.impl;

import dev.pamt.seamcall.PhysicalRange;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.List;
import java.util.function.ObjLongConsumer;

/**
 * One array for each touched gigabyte of the address space; nothing is paid for the others.
 *
 * <p>Two levels: a leaf of 4096 slots covers 4 TiB and exists where RAM lies, the arrays themselves appear when first
 * asked for. A host of 64 TB costs 16 leaves of 16 KiB, and so does one whose last range ends at the top of 52 bits cost
 * no more than its ranges do.
 *
 * <p>Leaves are made in the constructor and published by final fields. An array is published by compare-and-set and read
 * with acquire, because its first contents are written before and a zero word would be a backed region.
 *
 * @param <T> an array of a primitive type
 */
final class GigabyteDirectory<T> {
    private static final VarHandle SLOT = MethodHandles.arrayElementVarHandle(Object[].class);
    private static final int LEAF_BITS = 12;
    private static final int LEAF_MASK = (1 << LEAF_BITS) - 1;
    private static final int GIGABYTE_SHIFT = 30;

    private final Object[][] leaves;

    GigabyteDirectory(List<PhysicalRange> ram) {
        long top = ram.stream().mapToLong(PhysicalRange::endHpa).max().orElseThrow();
        leaves = new Object[leafOf(top - 1) + 1][];
        for (PhysicalRange range : ram) {
            for (int leaf = leafOf(range.baseHpa()); leaf <= leafOf(range.endHpa() - 1); leaf++) {
                if (leaves[leaf] == null) {
                    leaves[leaf] = new Object[1 << LEAF_BITS];
                }
            }
        }
    }

    /** The array of the gigabyte that an address lies in, or null if it has not been made; any long is an address here. */
    @SuppressWarnings("unchecked") // only put() stores, and it stores T
    T get(long hpa) {
        int leaf = leafOf(hpa);
        if (leaf >= leaves.length || leaves[leaf] == null) {
            return null;
        }
        return (T) SLOT.getAcquire(leaves[leaf], slotOf(hpa));
    }

    /** Stores the array of a gigabyte in which RAM lies, unless another thread was first; returns the one that counts. */
    @SuppressWarnings("unchecked")
    T put(long hpa, T array) {
        Object first = SLOT.compareAndExchange(leaves[leafOf(hpa)], slotOf(hpa), null, array);
        return first == null ? array : (T) first;
    }

    /** Whether the address lies where an array can be put. */
    boolean covers(long hpa) {
        int leaf = leafOf(hpa);
        return leaf < leaves.length && leaves[leaf] != null;
    }

    /** Shows every array that has been made, with the address of its gigabyte, in ascending order. */
    @SuppressWarnings("unchecked")
    void forEach(ObjLongConsumer<T> visitor) {
        for (int leaf = 0; leaf < leaves.length; leaf++) {
            for (int slot = 0; leaves[leaf] != null && slot <= LEAF_MASK; slot++) {
                T array = (T) SLOT.getAcquire(leaves[leaf], slot);
                if (array != null) {
                    visitor.accept(array, (((long) leaf << LEAF_BITS) | slot) << GIGABYTE_SHIFT);
                }
            }
        }
    }

    private static int leafOf(long hpa) {
        return (int) (hpa >>> (GIGABYTE_SHIFT + LEAF_BITS));
    }

    private static int slotOf(long hpa) {
        return (int) (hpa >>> GIGABYTE_SHIFT) & LEAF_MASK;
    }
}
