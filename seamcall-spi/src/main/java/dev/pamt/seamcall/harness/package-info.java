/**
 * What a test harness can do with a module beyond calling it.
 *
 * <p>{@link dev.pamt.seamcall.harness.ModuleInspection} reads and writes the module's words, {@link
 * dev.pamt.seamcall.harness.GuestDriver} acts as its guests. A backend offers them through {@link
 * dev.pamt.seamcall.SeamcallPlatform#extension}, or not at all: a host needs neither.
 */
package dev.pamt.seamcall.harness;
