/**
 * TDs: what their root and control pages hold, and the leaves from the first page of a TD to the end of its key.
 *
 * <p>Models tdr_t and tdcs_t of TDX module 1.5.25 (td_control_structures.h), the state checks of its helpers.c, and its leaves
 * TDH.MNG.CREATE (tdh_mng_create.c), TDH.MNG.KEY.CONFIG (tdh_mng_key_config.c), TDH.MNG.ADDCX (tdh_mng_add_cx.c),
 * TDH.MNG.INIT (tdh_mng_init.c), TDH.MNG.RD (tdh_mng_rd_wr.c), TDH.MR.FINALIZE (tdh_mr_finalize.c), TDH.MNG.VPFLUSHDONE (tdh_mng_vpflushdone.c),
 * TDH.MNG.KEY.FREEID (tdh_mng_key_freeid.c) and TDH.MNG.KEY.RECLAIMID (tdh_mng_key_reclaimid.c).
 */
package dev.pamt.seamcall.emulator.td;
