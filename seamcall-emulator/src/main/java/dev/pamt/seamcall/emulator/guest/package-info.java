/**
 * What runs inside the vCPUs of TDs, as users write it: a {@link dev.pamt.seamcall.emulator.guest.GuestProgram} is asked for
 * one {@link dev.pamt.seamcall.emulator.guest.GuestAction} after the other.
 *
 * <p>Stands for guest code, of which TDX module 1.5.25 has none. What the module does when a guest acts is tdx_td_dispatcher.c
 * and the files beside it: TDG.MEM.PAGE.ACCEPT (tdg_mem_page_accept.c), TDG.VP.VEINFO.GET (tdg_vp_veinfo_get.c), TDG.VP.VMCALL
 * (tdg_vp_vmcall.c), and exits by an EPT violation (td_ept_violation.c).
 */
package dev.pamt.seamcall.emulator.guest;
