/**
 * The Physical Address Metadata Table: its entries, the walk to them, the page bitmap, and the leaves that give a 2M region
 * its page pair and take it back.
 *
 * <p>Models pamt_manager.c and pamt_manager.h of TDX module 1.5.25, the checks of pages in its helpers.c, and
 * TDH.PHYMEM.PAMT.ADD (tdh_phymem_pamt_add.c) and TDH.PHYMEM.PAMT.REMOVE (tdh_phymem_pamt_remove.c).
 *
 * <p>To read: PamtEntry has the bits, PamtWalk the locks, Pamt the checks; then the leaves, PairHandlers.
 */
package dev.pamt.seamcall.emulator.pamt;
