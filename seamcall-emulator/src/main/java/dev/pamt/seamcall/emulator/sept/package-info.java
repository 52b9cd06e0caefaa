/**
 * Secure EPT: the way from a guest address to its entry, and the leaves that change what is there.
 *
 * <p>Models sept_manager.c and sept_manager.h of TDX module 1.5.25 and its TDH.MEM leaves: TDH.MEM.SEPT.ADD, REMOVE and RD
 * (tdh_mem_sept_add.c, tdh_mem_sept_remove.c, tdh_mem_sept_rd.c); TDH.MEM.PAGE.ADD, AUG, REMOVE, RELOCATE, DEMOTE and PROMOTE
 * (tdh_mem_page_add.c and so on); TDH.MEM.RANGE.BLOCK and UNBLOCK (tdh_mem_range_block.c, tdh_mem_range_unblock.c);
 * TDH.MEM.TRACK (tdh_mem_track.c); TDH.MR.EXTEND (tdh_mr_extend.c). A guest's own TDG.MEM.PAGE.ACCEPT
 * (tdg_mem_page_accept.c) and ATTR.WR (tdg_mem_page_attr_wr.c) are here, too, since they change entries.
 *
 * <p>To read: SeptEntry has the bits, SeptAccess the way and the order of locks, GpaCall what a call holds; then the families
 * of leaves.
 */
package dev.pamt.seamcall.emulator.sept;
