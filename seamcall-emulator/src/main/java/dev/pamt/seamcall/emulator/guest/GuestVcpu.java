package dev.pamt.seamcall.emulator.guest;

/**
 * A vCPU as its program sees it. Valid during the call it is passed to.
 *
 * @param tdrHpa the root page of its TD
 * @param tdvprHpa its own root page
 * @param processor the logical processor that runs it
 * @param rax what its last TDCALL returned; 0 at first and after a VMCALL
 * @param exception the exception that its last action raised: 8 double fault, 13 general protection, 14 page fault, 20
 *     virtualisation exception; -1 for none
 */
public record GuestVcpu(long tdrHpa, long tdvprHpa, int processor, long rax, int exception) {}
