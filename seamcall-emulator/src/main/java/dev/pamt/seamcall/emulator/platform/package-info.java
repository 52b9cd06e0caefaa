/**
 * What is below the module: the {@link dev.pamt.seamcall.emulator.platform.Machine} it is loaded into, and what all leaves
 * have in common.
 *
 * <p>Stands for the processors and address bits that TDX module 1.5.25 finds at SYS.INIT (tdx_global_data.h,
 * tdx_local_data.h), and for its fatal errors (fatal_info.h). Times and race points are the emulator's own.
 */
package dev.pamt.seamcall.emulator.platform;
