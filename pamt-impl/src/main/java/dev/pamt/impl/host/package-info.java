/**
 * Host bring-up: TDMRs over the RAM of a memory map, PAMT placed in it, the module initialised, and the host's page
 * allocator over what is left.
 */
package dev.pamt.impl.host;
