/**
 * The TDX module in this process, with Dynamic PAMT: status words, check order, register effects, locks and leftovers as
 * in TDX module 1.5.25.
 *
 * <p>{@link dev.pamt.seamcall.emulator.EmulatedPlatform} is the machine, {@link
 * dev.pamt.seamcall.emulator.EmulatorConfig} describes it. Users who choose their backend by name need neither:
 * {@code SeamcallProviderFactory.named("emulator")}. What guests do is in {@link dev.pamt.seamcall.emulator.guest}.
 *
 * <p>The module's parts are put together in {@code TdxModule}; each package below says what of the module it models.
 */
package dev.pamt.seamcall.emulator;
