/**
 * The module as a whole: how far its initialisation has come, and the metadata by which a host knows it.
 *
 * <p>Models TDH.SYS.INIT (tdh_sys_init.c), TDH.SYS.LP.INIT (tdh_sys_lp_init.c), TDH.SYS.CONFIG (tdh_sys_config.c),
 * TDH.SYS.KEY.CONFIG (tdh_sys_key_config.c), TDH.SYS.TDMR.INIT (tdh_sys_tdmr_init.c), TDH.SYS.RD, RDALL and INFO
 * (tdh_sys_rd.c, tdh_sys_rdall.c, tdh_sys_info.c, metadata_sys.c), TDH.SYS.SHUTDOWN and LP.SHUTDOWN (tdh_sys_shutdown.c,
 * tdh_sys_lp_shutdown.c) of TDX module 1.5.25.
 */
package dev.pamt.seamcall.emulator.sys;
