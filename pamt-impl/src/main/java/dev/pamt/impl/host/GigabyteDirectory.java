package dev.pamt.impl.host;

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
public final class GigabyteDirectory<T> {
    /** Regions of 2 MiB in a gigabyte. */
    public static final int REGIONS_PER_GIGABYTE = 512;

    private static final VarHandle LEAF = MethodHandles.arrayElementVarHandle(Object[][].class);
    private static final VarHandle SLOT = MethodHandles.arrayElementVarHandle(Object[].class);
    private static final int LEAF_BITS = 10;
    private static final int LEAF_MASK = (1 << LEAF_BITS) - 1;
    private static final int GIGABYTE_SHIFT = 30;

    private final Object[][] leaves;

    /**
     * Makes an empty directory.
     *
     * @param ram the memory that it is for
     */
    public GigabyteDirectory(List<PhysicalRange> ram) {
        long top = ram.stream().mapToLong(PhysicalRange::endHpa).max().orElse(0);
        leaves = new Object[top == 0 ? 0 : leafOf(top - 1) + 1][];
    }

    /**
     * Finds the array of a gigabyte.
     *
     * @param hpa an address in the gigabyte; any long is one here
     * @return the array, or null if it has not been made
     */
    @SuppressWarnings("unchecked") // only put() stores, and it stores T
    public T get(long hpa) {
        int number = leafOf(hpa);
        Object[] leaf = number >= leaves.length ? null : (Object[]) LEAF.getAcquire(leaves, number);
        return leaf == null ? null : (T) SLOT.getAcquire(leaf, slotOf(hpa));
    }

    /**
     * Stores the array of a gigabyte, unless another thread was first.
     *
     * @param hpa an address in the gigabyte, in which RAM lies
     * @param array the array, its first contents written
     * @return the array that counts
     */
    @SuppressWarnings("unchecked")
    public T put(long hpa, T array) {
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

    /**
     * Shows every array that has been made, in ascending order.
     *
     * @param visitor gets an array and the address of its gigabyte
     */
    public void forEach(ObjLongConsumer<T> visitor) {
        for (int gigabyte = next(0); gigabyte >= 0; gigabyte = next(gigabyte + 1)) {
            visitor.accept(at(gigabyte), (long) gigabyte << GIGABYTE_SHIFT);
        }
    }

    /**
     * Finds the next gigabyte that has an array.
     *
     * @param from the number of the first gigabyte to look at
     * @return its number, or -1
     */
    public int next(int from) {
        for (int gigabyte = from; gigabyte >>> LEAF_BITS < leaves.length; gigabyte++) {
            if (LEAF.getVolatile(leaves, gigabyte >>> LEAF_BITS) == null) {
                gigabyte |= LEAF_MASK;
            } else if (at(gigabyte) != null) {
                return gigabyte;
            }
        }
        return -1;
    }

    /**
     * Finds an array by the number of its gigabyte.
     *
     * @param gigabyte the number
     * @return the array, or null if it has not been made
     */
    @SuppressWarnings("unchecked")
    public T at(int gigabyte) {
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
