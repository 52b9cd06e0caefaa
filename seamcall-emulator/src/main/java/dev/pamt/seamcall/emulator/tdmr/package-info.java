/**
 * The memory that the module looks after: TDMRs, what SYS.CONFIG demands of them, and where the PAMT of each lies.
 *
 * <p>Models the TDMR checks of TDX module 1.5.25 (tdh_sys_config.c), its table of TDMRs (tdx_global_data.h), and the steps of
 * TDH.SYS.TDMR.INIT (tdh_sys_tdmr_init.c).
 */
package dev.pamt.seamcall.emulator.tdmr;
