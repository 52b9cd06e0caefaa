/**
 * Metadata: fields that have an id and are read and written one element at a time, or as a list.
 *
 * <p>Models metadata_generic.c of TDX module 1.5.25. Which fields there are is the matter of those who have them: the module
 * as a whole, TDs, vCPUs.
 */
package dev.pamt.seamcall.emulator.metadata;
