/**
 * The SEAMCALL boundary between a host (VMM) and a TDX module.
 *
 * <p>{@link dev.pamt.seamcall.SeamcallProvider} is the instruction: one method, any backend. {@link
 * dev.pamt.seamcall.Seamcalls} knows the register layouts of the leaves, {@link dev.pamt.seamcall.SeamcallLeaf} their
 * numbers and names, {@link dev.pamt.seamcall.TdxStatus} what comes back in RAX. {@link
 * dev.pamt.seamcall.SeamcallPlatform} is a whole machine: its logical processors, its memory. The package {@code
 * dev.pamt.seamcall.harness} has what only a test harness does with a module.
 *
 * <p>Numbers and names are those of the TDX module 1.5.25.
 */
package dev.pamt.seamcall;
