/**
 * The leaves on pages of physical memory other than page pairs.
 *
 * <p>Models TDH.PHYMEM.PAGE.RDMD (tdh_phymem_page_rdmd.c), TDH.PHYMEM.PAGE.RECLAIM (tdh_phymem_page_reclaim.c),
 * TDH.PHYMEM.CACHE.WB (tdh_phymem_cache_wb.c) and TDH.PHYMEM.PAGE.WBINVD (tdh_phymem_page_wbinvd.c) of TDX module 1.5.25.
 */
package dev.pamt.seamcall.emulator.phymem;
