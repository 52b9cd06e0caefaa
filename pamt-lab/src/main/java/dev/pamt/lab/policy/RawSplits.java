package dev.pamt.lab.policy;

import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager.DemoteCall;
import dev.pamt.api.PamtManager.PromoteCall;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxStatus;

/** Splits and merges past the manager: the pair goes in with the DEMOTE and comes out with the PROMOTE. */
final class RawSplits {
    private RawSplits() {}

    static long demote(RawPairs pairs, long chunkHpa, DemoteCall call) {
        SeamcallRegisters regs = new SeamcallRegisters();
        regs.r12 = pairs.allocPage();
        regs.r13 = PageAllocator.NONE;
        long page0 = regs.r12;
        long page1 = PageAllocator.NONE;
        boolean given = false;
        try {
            page1 = pairs.allocPage();
            regs.r13 = page1;
            long status = call.demote(regs);
            given = !TdxStatus.isError(status);
            if (given) {
                pairs.noteAdded(chunkHpa);
            }
            return status;
        } finally {
            if (!given) {
                pairs.free(page0);
                if (page1 != PageAllocator.NONE) {
                    pairs.free(page1);
                }
            }
        }
    }

    static long promote(RawPairs pairs, long chunkHpa, PromoteCall call) {
        SeamcallRegisters regs = new SeamcallRegisters();
        long status = call.promote(regs);
        if (!TdxStatus.isError(status)) {
            pairs.takeBack(chunkHpa, regs.r12, regs.r13);
        }
        return status;
    }
}
