/**
 * The door of the module: leaf word and state of the module are checked here, for all leaves alike.
 *
 * <p>Models tdx_vmm_dispatcher.c of TDX module 1.5.25, and what its fatal errors lead to (fatal_info.h).
 */
package dev.pamt.seamcall.emulator.dispatch;
