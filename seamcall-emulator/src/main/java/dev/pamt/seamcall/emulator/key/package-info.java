/**
 * The key ownership table: which key id is whose, and which package has still to write its caches back.
 *
 * <p>Models kot_t of TDX module 1.5.25 (tdx_global_data.h). The leaves that change it are in the packages of TDs and of
 * physical memory.
 */
package dev.pamt.seamcall.emulator.key;
