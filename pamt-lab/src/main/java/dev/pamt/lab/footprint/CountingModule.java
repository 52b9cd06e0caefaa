package dev.pamt.lab.footprint;

import dev.pamt.api.PageAllocator;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.HashMap;
import java.util.Map;

/**
 * A module that knows which pair each region has and nothing else, so that guests of any size fit into a heap.
 *
 * <p><b>Thread-safety:</b> any number of threads; one call at a time is inside.
 */
final class CountingModule implements SeamcallProvider {
    private static final int REGIONS_PER_GIGABYTE = 512;

    /** The pairs of each gigabyte that has one: two pages for each region, 0 for none. */
    private final Map<Long, Gigabyte> gigabytes = new HashMap<>();

    private long pairs;

    /** The pairs that the module holds. */
    synchronized long pairs() {
        return pairs;
    }

    @Override
    public synchronized long seamcall(long rax, SeamcallRegisters regs) {
        long region = regs.rcx / PageAllocator.CHUNK_BYTES;
        int index = (int) (region % REGIONS_PER_GIGABYTE);
        if (rax == SeamcallLeaf.PHYMEM_PAMT_ADD.rax()) {
            Gigabyte gigabyte = gigabytes.computeIfAbsent(region / REGIONS_PER_GIGABYTE, any -> new Gigabyte());
            if (gigabyte.pages[2 * index] != 0) {
                return TdxStatus.HPA_RANGE_NOT_FREE.with(TdxOperand.RCX);
            }
            gigabyte.pages[2 * index] = regs.rdx;
            gigabyte.pages[2 * index + 1] = regs.r8;
            gigabyte.pairs++;
            pairs++;
            return TdxStatus.SUCCESS.code();
        }
        if (rax != SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax()) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RAX);
        }
        Gigabyte gigabyte = gigabytes.get(region / REGIONS_PER_GIGABYTE);
        if (gigabyte == null || gigabyte.pages[2 * index] == 0) {
            return TdxStatus.NO_PAMT_PAGE_PAIR.with(TdxOperand.RCX);
        }
        regs.rdx = gigabyte.pages[2 * index];
        regs.r8 = gigabyte.pages[2 * index + 1];
        gigabyte.pages[2 * index] = 0;
        pairs--;
        if (--gigabyte.pairs == 0) {
            gigabytes.remove(region / REGIONS_PER_GIGABYTE);
        }
        return TdxStatus.SUCCESS.code();
    }

    private static final class Gigabyte {
        private final long[] pages = new long[2 * REGIONS_PER_GIGABYTE];
        private int pairs;
    }
}
