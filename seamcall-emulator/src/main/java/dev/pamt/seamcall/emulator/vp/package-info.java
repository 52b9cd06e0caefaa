/**
 * vCPUs: what their root pages hold, the leaves that make and enter them, and what a guest in one can do.
 *
 * <p>Models tdvps_t of TDX module 1.5.25 (tdx_tdvps.h); TDH.VP.CREATE (tdh_vp_create.c), TDH.VP.ADDCX (tdh_vp_addcx.c),
 * TDH.VP.INIT (tdh_vp_init.c), TDH.VP.RD and WR (tdh_vp_rd_wr.c) and TDH.VP.FLUSH (tdh_vp_flush.c); TDH.VP.ENTER (tdh_vp_enter.c) and TD exit (td_exit.c, the
 * check against single-stepping in td_exit_stepping.c); and the guest's side, tdx_td_dispatcher.c, tdg_vp_vmcall.c,
 * tdg_vp_veinfo_get.c and td_ept_violation.c.
 */
package dev.pamt.seamcall.emulator.vp;
