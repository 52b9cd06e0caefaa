/**
 * Dynamic PAMT for a host: give a 2M region its page pair before its first 4K page is used, take it back after its last.
 *
 * <p>{@link dev.pamt.api.PamtManager} is the door. Around it: {@link dev.pamt.api.LockStrategy} (how the transitions of
 * regions exclude each other), {@link dev.pamt.api.ReclaimPolicy} (when an empty region loses its pair), {@link
 * dev.pamt.api.PageAllocator} (where pages come from), {@link dev.pamt.api.PamtPageCache} and {@link
 * dev.pamt.api.VmPageCache} (pages for contexts that must not allocate), {@link dev.pamt.api.TdxHost} (a module that has
 * been brought up on a memory map).
 *
 * <p>Words used throughout: a <em>page</em> is 4 KiB and is named by its host physical address (hpa); a <em>region</em>
 * is 2 MiB, aligned, 512 pages; a <em>page pair</em> is the two pages that hold the PAMT_4K entries of one region; a
 * <em>user</em> of a region is a reference taken with {@code get} and dropped with {@code put}.
 *
 * <p>Which operations are linearizable: get, put, allocPage, freePage, map2M, unmap2M, demote2M, promote2M, each on its
 * region. Statistics are exact when no thread is inside a call, and close to it otherwise. {@code close} needs quiescence
 * and says so if it does not find it.
 */
package dev.pamt.api;
