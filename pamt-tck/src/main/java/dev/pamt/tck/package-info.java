/**
 * The contracts of what users implement, each a JUnit test to extend with one method: {@link
 * dev.pamt.tck.SeamcallProviderContractTest} for a SEAMCALL backend, {@link dev.pamt.tck.LockStrategyContractTest} for a lock
 * strategy, {@link dev.pamt.tck.PageAllocatorContractTest} for a page allocator, {@link
 * dev.pamt.tck.ReclaimPolicyContractTest} for a reclaim policy.
 *
 * <p>The rules have numbers and stand in the Javadoc of the interface. A test is named for its rule, and a failure begins with
 * the number of the rule that is broken.
 */
package dev.pamt.tck;
