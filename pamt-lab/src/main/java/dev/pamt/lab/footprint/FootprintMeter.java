package dev.pamt.lab.footprint;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.OutOfPagesException;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.TdxHost;
import dev.pamt.lab.host.ControlPages;
import dev.pamt.lab.host.LabHost;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.SeamcallProviderFactory;
import java.util.List;

/**
 * Gives the memory of TDs to a manager and counts the page pairs.
 *
 * <p><b>Thread-safety:</b> none; one run at a time.
 */
public final class FootprintMeter {
    private static final long MIB = 1L << 20;
    private static final long GIB = 1L << 30;
    private static final int PAGES_PER_REGION = 512;

    private final ControlPages control;

    /**
     * Makes a meter.
     *
     * @param control the control pages of TDs
     */
    public FootprintMeter(ControlPages control) {
        this.control = control;
    }

    /**
     * The memory of a host that has room for some TDs: from 1 MiB on in one piece, what they need and a 64th more, and 2 GiB.
     *
     * @param tds how many TDs
     * @param shape what each is like
     * @return the map
     * @throws IllegalArgumentException if that does not lie below 2^48
     */
    public static MemoryMap memoryFor(int tds, TdShape shape) {
        long bytes = Math.multiplyExact(tds, shape.memoryBytes());
        long end = (bytes + bytes / 64 + 3 * GIB) & -GIB;
        if (end > 1L << 48) {
            throw new IllegalArgumentException(String.format(
                    "%d TDs of %d GiB need memory above 2^48, which Dynamic PAMT cannot describe",
                    tds, shape.memoryBytes() >> 30));
        }
        return MemoryMap.of(List.of(PhysicalRange.between(MIB, end)));
    }

    /**
     * Counts the pairs of TDs with a module that knows nothing but pairs.
     *
     * @param tds how many TDs
     * @param shape what each is like
     * @return the result
     */
    public Footprint count(int tds, TdShape shape) {
        CountingModule module = new CountingModule();
        try (PamtManager manager = PamtManager.builder()
                .seamcalls(module, PhysicalMemory.none())
                .memory(memoryFor(tds, shape))
                .build()) {
            Footprint footprint = run(manager, tds, shape);
            return new Footprint(
                    tds,
                    shape,
                    footprint.otherPages(),
                    footprint.guestPairs(),
                    footprint.pairs(),
                    footprint.leftPairs() + module.pairs());
        }
    }

    /**
     * Counts the pairs of TDs with a module of a backend, in full.
     *
     * @param factory the backend
     * @param tds how many TDs
     * @param shape what each is like
     * @return the result
     */
    public Footprint countOn(SeamcallProviderFactory factory, int tds, TdShape shape) {
        MemoryMap memory = memoryFor(tds, shape);
        try (TdxHost host = LabHost.bringUp(factory, memory);
                PamtManager manager = PamtManager.builder().host(host).build()) {
            return run(manager, tds, shape);
        }
    }

    private Footprint run(PamtManager manager, int tds, TdShape shape) {
        PageAllocator allocator = manager.host().allocator();
        long[] chunks = new long[Math.toIntExact(tds * shape.regions())];
        for (int i = 0; i < chunks.length; i++) {
            chunks[i] = allocator.allocChunk();
            if (chunks[i] == PageAllocator.NONE) {
                throw new OutOfPagesException("the host of the footprint has no 2M chunk left");
            }
            if (shape.mapping() == MappingSize.SIZE_4K) {
                manager.get(chunks[i], PAGES_PER_REGION);
            } else {
                manager.map2M(chunks[i]);
            }
        }
        long guestPairs = manager.stats().pairs().installed();
        long[] others = new long[Math.toIntExact(tds * (control.pagesOf(shape.vcpus()) + shape.septPages()))];
        for (int i = 0; i < others.length; i++) {
            others[i] = manager.allocPage();
        }
        long pairs = manager.stats().pairs().installed();
        for (long page : others) {
            manager.freePage(page);
        }
        for (long chunk : chunks) {
            if (shape.mapping() == MappingSize.SIZE_4K) {
                manager.put(chunk, PAGES_PER_REGION);
            } else {
                manager.unmap2M(chunk);
            }
            allocator.freeChunk(chunk);
        }
        return new Footprint(
                tds,
                shape,
                others.length,
                guestPairs,
                pairs,
                manager.stats().pairs().installed());
    }
}
