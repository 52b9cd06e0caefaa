/**
 * The TDX module in this process, with Dynamic PAMT: status words, check order, register effects, locks and leftovers as
 * in TDX module 1.5.25.
 *
 * <p>{@link dev.pamt.seamcall.emulator.EmulatedPlatform} is the machine, {@link
 * dev.pamt.seamcall.emulator.EmulatorConfig} what it looks like. Users who choose their backend by name need neither:
 * {@code SeamcallProviderFactory.named("emulator")}.
 */
package dev.pamt.seamcall.emulator;
