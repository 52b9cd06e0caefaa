package dev.pamt.impl;

import dev.pamt.impl.host.GigabyteDirectory;
import dev.pamt.seamcall.PhysicalRange;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/**
 * The directory of gigabytes under Lincheck: threads that store first in a leaf at once, in the same gigabyte or in two, find the
 * same arrays ever after. Public because Lincheck asks for it.
 */
@Param(name = "gigabyte", gen = IntGen.class, conf = "1:2")
public final class GigabyteDirectoryModel {
    private static final long GIBIBYTE = 1L << 30;

    private final GigabyteDirectory<AtomicIntegerArray> directory =
            new GigabyteDirectory<>(List.of(PhysicalRange.between(GIBIBYTE, 3 * GIBIBYTE)));

    /** Makes an empty directory. */
    public GigabyteDirectoryModel() {}

    /** Counts in the array of a gigabyte; returns the count. */
    @Operation
    public int count(@Param(name = "gigabyte") int gigabyte) {
        AtomicIntegerArray array = directory.get(gigabyte * GIBIBYTE);
        if (array == null) {
            array = directory.put(gigabyte * GIBIBYTE, new AtomicIntegerArray(1));
        }
        return array.incrementAndGet(0);
    }
}
