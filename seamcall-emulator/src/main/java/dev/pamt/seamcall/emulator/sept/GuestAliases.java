package dev.pamt.seamcall.emulator.sept;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.memory.Words;
import dev.pamt.seamcall.emulator.platform.ModuleFatal;
import dev.pamt.seamcall.emulator.sept.GuestPages.Visit;
import dev.pamt.seamcall.emulator.td.Td;

/**
 * TDG.MEM.PAGE.ATTR.WR: the guest's own VM, L1, gives its L2 VMs access to a page, changes it or takes it away (TDX module 1.5.25,
 * tdg_mem_page_attr_wr.c). The aliases that come of it are entries in the Secure EPT of the L2 VMs.
 *
 * <p>The entry of the page is locked meanwhile, as for ACCEPT; nothing else is.
 */
final class GuestAliases {
    private static final int VM_BITS = 16;
    private static final int VM_MASK = 0xFFFF;
    private static final int VIOLATION_BY_ATTRIBUTES = 5;
    private static final int WALK_OF_ALIAS = 3;
    /** What the TD itself may do with its pages. */
    private static final int L1_ATTRIBUTES = L2Entry.ATTRIBUTES_VALID | L2Entry.ATTRIBUTES_PRESENT;

    private final GuestPages pages;
    private final L2Trees l2Trees;

    GuestAliases(GuestPages pages, L2Trees l2Trees) {
        this.pages = pages;
        this.l2Trees = l2Trees;
    }

    private static int ofVm(long word, int vm) {
        return (int) (word >>> (vm * VM_BITS)) & VM_MASK;
    }

    private static long with(long word, int vm, int attributes) {
        int shift = vm * VM_BITS;
        return (word & ~((long) VM_MASK << shift)) | (long) attributes << shift;
    }

    /**
     * Writes the attributes in RDX, those that the mask in R8 selects; RDX becomes the attributes that the page has then. Where
     * the guest will make the call again its registers stay.
     */
    Visit write(Td td, SeamcallRegisters regs) {
        long attributes = regs.rdx;
        long mask = regs.r8;
        long[] written = new long[1];
        long status = check(td, attributes, mask);
        Visit visit = status != 0
                ? Visit.status(status)
                : pages.onEntry(td, regs.rcx, PageLevel.SIZE_1G, VIOLATION_BY_ATTRIBUTES, at -> {
                    Visit done = writeLocked(at, attributes, mask, written);
                    SeptEntry.release(at.words, at.index);
                    return done;
                });
        if (visit.result() == GuestPages.Result.STATUS || visit.result() == GuestPages.Result.HOST_PRIORITY) {
            regs.rcx = visit.result() == GuestPages.Result.STATUS && visit.status() == 0 ? regs.rcx : 0;
            regs.rdx = written[0];
        }
        return visit;
    }

    private static long check(Td td, long attributes, long mask) {
        for (int vm = 0; vm < L2Trees.VMS; vm++) {
            int asked = ofVm(attributes, vm);
            boolean exists = vm > 0 && vm <= td.params().l2Vms();
            if (exists ? asked != 0 && (asked & L2Entry.ATTRIBUTES_VALID) == 0 : asked != 0) {
                return TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX);
            }
            if (!exists && ofVm(mask, vm) != 0) {
                return TdxStatus.OPERAND_INVALID.with(TdxOperand.R8);
            }
        }
        return 0;
    }

    private Visit writeLocked(GpaCall at, long attributes, long mask, long[] written) {
        SeptState state = at.state();
        if (!state.isLeaf() && state != SeptState.FREE) {
            return Visit.status(TdxStatus.PAGE_SIZE_MISMATCH.with(at.level));
        }
        if (state != SeptState.MAPPED && state != SeptState.PENDING) {
            return GuestPages.violation(at, at.level, VIOLATION_BY_ATTRIBUTES);
        }
        GpaCall[] l2 = new GpaCall[L2Trees.VMS];
        long result = with(attributes, 0, L1_ATTRIBUTES);
        long status = 0;
        for (int vm = 1; vm <= at.td().params().l2Vms(); vm++) {
            int selected = ofVm(mask, vm) | L2Entry.ATTRIBUTES_VALID;
            int asked = ofVm(attributes, vm) & selected;
            if ((asked & L2Entry.ATTRIBUTES_VALID) == 0) {
                continue;
            }
            boolean aliased = SeptEntry.isAliased(at.entry, vm);
            int now = 0;
            if (aliased) {
                l2[vm] = l2Trees.entry(at, vm);
                ModuleFatal.unless(l2[vm].level == at.level, WALK_OF_ALIAS);
                now = L2Entry.attributes(l2[vm].entry);
            }
            int combined = (now & ~selected) | asked;
            if (!aliased && (combined & L2Entry.ATTRIBUTES_PRESENT) == 0) {
                continue;
            }
            if ((combined & L2Entry.ATTRIBUTES_PRESENT) != 0 && !L2Entry.isLegal(combined)) {
                status = TdxStatus.PAGE_ATTR_INVALID.code();
                combined = now;
            } else if (!aliased) {
                l2[vm] = l2Trees.entry(at, vm);
                if (l2[vm].level != at.level) {
                    return Visit.status(TdxStatus.L2_SEPT_WALK_FAILED.with((long) vm << VM_BITS | l2[vm].level));
                }
            }
            result = with(result, vm, combined);
        }
        written[0] = status == 0 ? commit(at, l2, result) : result;
        return Visit.status(status);
    }

    private long commit(GpaCall at, GpaCall[] l2, long attributes) {
        long result = attributes;
        for (int vm = 1; vm < L2Trees.VMS; vm++) {
            if (l2[vm] == null) {
                continue;
            }
            int wanted = ofVm(attributes, vm);
            boolean aliased = SeptEntry.isAliased(at.entry, vm);
            if (aliased && (wanted & L2Entry.ATTRIBUTES_PRESENT) == 0) {
                Words.sv(l2[vm].words, l2[vm].index, L2Entry.FREE);
                Words.fan(at.words, at.index, ~SeptEntry.aliasBit(vm));
                result = with(result, vm, L2Entry.ATTRIBUTES_VALID);
            } else if (aliased) {
                Words.sv(l2[vm].words, l2[vm].index, L2Entry.withAttributes(l2[vm].entry, wanted));
            } else {
                long page = SeptEntry.hpa(SeptEntry.withoutCounter(at.entry, at.level));
                Words.sv(
                        l2[vm].words,
                        l2[vm].index,
                        L2Entry.alias(wanted, page, at.state().isPending()));
                Words.fao(at.words, at.index, SeptEntry.aliasBit(vm));
            }
        }
        return result;
    }
}
