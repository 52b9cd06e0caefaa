package dev.pamt.lab.host;

import static dev.pamt.lab.host.GuestMemory.BLOCK_BYTES;
import static dev.pamt.lab.host.GuestMemory.PAGES_PER_BLOCK;
import static dev.pamt.lab.host.GuestMemory.PAGE_BYTES;

import dev.pamt.lab.host.PamtPolicy.Use;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxStatus;

/**
 * Takes pages back from a TD that has no key any more: PHYMEM.PAGE.RECLAIM.
 *
 * <p><b>Thread-safety:</b> different threads for different blocks; the tables last, by one.
 */
final class Reclaims {
    private static final int LEVEL_2M = MmuCalls.LEVEL_2M;

    private final LabHost host;
    private final Td td;
    private final GuestMemory memory;
    private final Mirror mirror;

    Reclaims(MmuState state) {
        host = state.host;
        td = state.td;
        memory = state.memory;
        mirror = state.mirror;
    }

    /** Reclaims the pages of a block when the TD has no key any more. */
    void reclaimBlock(Vcpu vcpu, int block, boolean freesMemory) {
        long gpa = block * BLOCK_BYTES;
        long entry = mirror.takeEntry(LEVEL_2M, block);
        if (Mirror.isLarge(entry)) {
            long chunk = Mirror.hpaOf(entry);
            if (reclaimed(vcpu, chunk, gpa)) {
                host.policy().afterUnmap2M(chunk);
            }
        } else if (Mirror.isTable(entry)) {
            for (int page = 0; page < PAGES_PER_BLOCK; page++) {
                reclaimPage(vcpu, gpa + page * PAGE_BYTES);
            }
            td.reclaim(vcpu.regs, vcpu.processor(), Use.SEPT, Mirror.hpaOf(entry));
        }
        mirror.forgetLeaves(block);
        if (freesMemory) {
            memory.punchHole(block);
        }
    }

    private void reclaimPage(Vcpu vcpu, long gpa) {
        byte leaf = mirror.leaf(gpa);
        if (leaf != Mirror.MAPPED && leaf != Mirror.STUCK) {
            return;
        }
        long hpa = memory.pageAt(gpa);
        if (reclaimed(vcpu, hpa, gpa)) {
            host.policy().afterUnmap(Use.GUEST, hpa, TdMmu.isHint(vcpu.regs.r9));
        }
    }

    private boolean reclaimed(Vcpu vcpu, long hpa, long gpa) {
        long status = vcpu.seamcalls().pageReclaim(vcpu.regs, hpa);
        if (!TdxStatus.isError(status)) {
            return true;
        }
        host.complain(td.name(), SeamcallLeaf.PHYMEM_PAGE_RECLAIM, status, hpa);
        memory.lose(gpa);
        return false;
    }

    /** Reclaims the tables above those of blocks, and those of blocks that are left. */
    void reclaimTables(SeamcallRegisters regs) {
        for (int level = LEVEL_2M; level <= Mirror.LEVELS; level++) {
            for (int index = 0; index < mirror.entries(level); index++) {
                long entry = mirror.takeEntry(level, index);
                if (Mirror.isTable(entry)) {
                    td.reclaim(regs, 0, Use.SEPT, Mirror.hpaOf(entry));
                }
            }
        }
    }
}
