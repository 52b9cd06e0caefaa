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
 * asked for. A host of 64 TB costs 16 leaves of 16 KiB. Memory at the top of 52 bits costs only its own leaves.
 *
 * <p>Leaves are made in the constructor and published by final fields. An array is published by compare-and-set and read
 * with acquire, because its first contents are written before and a zero word would be a backed region. The walk over all
 * of them reads volatile: a close that walks after it has set its flag must see each array whose maker has not seen the flag.
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
    void forEach(ObjLongConsumer<T> visitor) {
        for (int gigabyte = next(0); gigabyte >= 0; gigabyte = next(gigabyte + 1)) {
            visitor.accept(at(gigabyte), (long) gigabyte << GIGABYTE_SHIFT);
        }
    }

    /** Returns the number of the first gigabyte from a given one on that has an array, or -1. */
    int next(int from) {
        for (int gigabyte = from; gigabyte >>> LEAF_BITS < leaves.length; gigabyte++) {
            if (leaves[gigabyte >>> LEAF_BITS] == null) {
                gigabyte |= LEAF_MASK;
            } else if (at(gigabyte) != null) {
                return gigabyte;
            }
        }
        return -1;
    }

    /** Returns the array of a gigabyte by its number, or null if it has not been made. */
    @SuppressWarnings("unchecked")
    T at(int gigabyte) {
        return (T) SLOT.getVolatile(leaves[gigabyte >>> LEAF_BITS], gigabyte & LEAF_MASK);
    }

    private static int leafOf(long hpa) {
        return (int) (hpa >>> (GIGABYTE_SHIFT + LEAF_BITS));
    }

    private static int slotOf(long hpa) {
        return (int) (hpa >>> GIGABYTE_SHIFT) & LEAF_MASK;
    }
}
