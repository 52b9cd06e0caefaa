package dev.pamt.impl;

import dev.pamt.seamcall.PhysicalRange;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.List;
import java.util.function.ObjLongConsumer;

/**
 * One array for each touched gigabyte of the address space; nothing is paid for the others.
 *
 * <p>Two levels: a leaf of 1024 slots covers 1 TiB. Leaves and arrays appear when an array is first stored there, so memory at
 * the top of 52 bits costs only its own leaf, and a host of 64 TB that is idle costs next to nothing.
 *
 * <p>A leaf or array is published by compare-and-set and read with acquire, because its first contents are written before and
 * a zero word would be a backed region. The walk over all of them reads volatile: a close that walks after it has set its flag
 * must see each array whose maker has not seen the flag.
 *
 * @param <T> an array of a primitive type
 */
final class GigabyteDirectory<T> {
    private static final VarHandle LEAF = MethodHandles.arrayElementVarHandle(Object[][].class);
    private static final VarHandle SLOT = MethodHandles.arrayElementVarHandle(Object[].class);
    private static final int LEAF_BITS = 10;
    private static final int LEAF_MASK = (1 << LEAF_BITS) - 1;
    private static final int GIGABYTE_SHIFT = 30;

    private final Object[][] leaves;

    GigabyteDirectory(List<PhysicalRange> ram) {
        long top = ram.stream().mapToLong(PhysicalRange::endHpa).max().orElseThrow();
        leaves = new Object[leafOf(top - 1) + 1][];
    }

    /** The array of the gigabyte that an address lies in, or null if it has not been made; any long is an address here. */
    @SuppressWarnings("unchecked") // only put() stores, and it stores T
    T get(long hpa) {
        int number = leafOf(hpa);
        Object[] leaf = number >= leaves.length ? null : (Object[]) LEAF.getAcquire(leaves, number);
        return leaf == null ? null : (T) SLOT.getAcquire(leaf, slotOf(hpa));
    }

    /** Stores the array of a gigabyte in which RAM lies, unless another thread was first; returns the one that counts. */
    @SuppressWarnings("unchecked")
    T put(long hpa, T array) {
        Object first = SLOT.compareAndExchange(leafFor(hpa), slotOf(hpa), null, array);
        return first == null ? array : (T) first;
    }

    private Object[] leafFor(long hpa) {
        int number = leafOf(hpa);
        Object[] leaf = (Object[]) LEAF.getAcquire(leaves, number);
        if (leaf != null) {
            return leaf;
        }
        Object[] mine = new Object[1 << LEAF_BITS];
        Object[] first = (Object[]) LEAF.compareAndExchange(leaves, number, null, mine);
        return first == null ? mine : first;
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
            if (LEAF.getVolatile(leaves, gigabyte >>> LEAF_BITS) == null) {
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
        Object[] leaf = (Object[]) LEAF.getVolatile(leaves, gigabyte >>> LEAF_BITS);
        return leaf == null ? null : (T) SLOT.getVolatile(leaf, gigabyte & LEAF_MASK);
    }

    private static int leafOf(long hpa) {
        return (int) (hpa >>> (GIGABYTE_SHIFT + LEAF_BITS));
    }

    private static int slotOf(long hpa) {
        return (int) (hpa >>> GIGABYTE_SHIFT) & LEAF_MASK;
    }
}
