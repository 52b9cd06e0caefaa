package dev.pamt.lab.measure;

import java.io.Closeable;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;

/**
 * {@code /proc/kpageflags}, read once for each region that is asked for.
 *
 * <p><b>Thread-safety:</b> none.
 */
final class PageFlags implements Closeable {
    private final Entries entries;
    private final Map<Long, RegionFlags> regions = new HashMap<>();
    private long lastRegion = -1;
    private RegionFlags last;

    PageFlags(Entries entries) {
        this.entries = entries;
    }

    RegionFlags of(long region) throws IOException {
        if (region != lastRegion) {
            RegionFlags known = regions.get(region);
            if (known == null) {
                int count = entries.read(region << Pages.REGION_SHIFT, RegionFlags.ENTRIES);
                known = RegionFlags.of(region, entries, count);
                regions.put(region, known);
            }
            last = known;
            lastRegion = region;
        }
        return last;
    }

    @Override
    public void close() throws IOException {
        entries.close();
    }
}
