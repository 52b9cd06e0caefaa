/**
 * The races that broke the kernel's versions, run against the library: two actors and an arbiter for each, on an emulated
 * host, with the lock strategy that {@code -Dpamt.strategy} names.
 *
 * <p>{@code docs/race-suites.md} says how to run them, and how to run them with a strategy of one's own.
 */
package dev.pamt.races;
