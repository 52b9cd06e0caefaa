/**
 * The two locks of the module, each tried once: shared/exclusive, and the same with host priority.
 *
 * <p>Models tdx_locks.h of TDX module 1.5.25, raw lock words included.
 */
package dev.pamt.seamcall.emulator.lock;
