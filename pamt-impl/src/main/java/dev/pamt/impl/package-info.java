/**
 * The manager. Nothing here is exported; users reach it through {@code dev.pamt.api}.
 *
 * <p><b>Reading order.</b>
 *
 * <ol>
 *   <li>{@code RegionWord}: the 32 bits of a 2M region, who may change which, and why the get is wait-free. {@code Region} has
 *       the moves, {@code RegionTable} the place of the words.
 *   <li>{@code DynamicPamtManager}: the fast paths, and the doors to everything else.
 *   <li>{@code Transition}: the order of steps that makes the contract hold. {@code PairInstaller} goes into backed, {@code
 *       PairRemover} out of it, {@code LargePageTransitions} to one 2M page and back; each under {@code TransitionLocks}, with
 *       its call behind {@code ModuleCalls} and {@code CallGate}.
 *   <li>{@code PairRecords}, {@code PairPool}, {@code PairCustody}: which region holds which pair, where the others lie, and
 *       who owns the one that is on its way. {@code PairSupply} adds chunks of the host, {@code HostPages} is the one door to
 *       its allocator, and {@code PageLedger} knows which pages came through it.
 *   <li>{@code Reclaimer} and {@code RetryQueue}: what a last put does, and what is tried again.
 *   <li>{@code ManagerLifecycle} and {@code ManagerClose}: open, closing, closed.
 *   <li>{@code BitLocks} and {@code LockStrategies}: the built-in locks.
 * </ol>
 *
 * <p>Each part uses those that are made before it; none is set later. {@code dev.pamt.impl.host} lies below: bring-up, the
 * default allocator, and the directory of gigabytes that this package and the allocator share.
 *
 * <p><b>The way of an address</b>, from {@code PamtManager.get(hpa)} to the module, if the region is not backed:
 *
 * <ol>
 *   <li>{@code DynamicPamtManager.get} and {@code addUser}: the address leads to its word, a user is added, and the word turns out
 *       not to be backed.
 *   <li>{@code addUserSlowly}: it was no debt that the user has paid.
 *   <li>{@code PairInstaller.install}: the region gets its name, {@code Region}, which it keeps to the end; a transition begins,
 *       with a pair in hand.
 *   <li>{@code attempt}: the locks are taken and given back here.
 *   <li>{@code add}: the pair is the region's, and the module's answer decides.
 *   <li>{@code ModuleCalls.make}: the gate for BUSY.
 *   <li>{@code call}: one SEAMCALL, whose end stands in the transition.
 *   <li>{@code Seamcalls.pamtAdd}: operands go into registers, and the backend has them.
 * </ol>
 *
 * <p>A region that is backed ends at the first step.
 */
package dev.pamt.impl;
