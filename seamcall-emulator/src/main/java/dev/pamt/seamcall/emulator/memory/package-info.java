/**
 * Physical memory, and the accesses to words of it that several processors make at once.
 *
 * <p>Stands for the memory of the machine. TDX module 1.5.25 reaches it by mapping pages (keyhole_manager.c); here an address
 * is enough.
 */
package dev.pamt.seamcall.emulator.memory;
