package dev.pamt.seamcall.emulator;

import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.decorator.Latency;

/**
 * Finds the emulator by its name, {@code emulator}.
 *
 * <p>A configuration without memory ranges gets those of {@link EmulatorConfig#small()}. The options:
 *
 * <table>
 * <caption>Options of the emulator</caption>
 * <tr><th>name</th><th>value</th><th>meaning</th></tr>
 * <tr><td>{@code max-pa}</td><td>32 to 52</td><td>physical address bits of the platform</td></tr>
 * <tr><td>{@code hkid-start-bit}</td><td>below {@code max-pa}</td><td>lowest address bit of the key id</td></tr>
 * <tr><td>{@code private-hkids}</td><td>{@code 32-63}</td><td>first and last private key id</td></tr>
 * <tr><td>{@code dynamic-pamt}</td><td>{@code true}, {@code false}</td><td>whether the module can do Dynamic PAMT</td></tr>
 * <tr><td>{@code latency-ns}</td><td>{@code 1000}, {@code PHYMEM_PAMT_ADD=4000,PHYMEM_PAMT_REMOVE=2000} or {@code measured}</td>
 *     <td>nanoseconds that every leaf, or that the leaves named take; measured: those two by {@link
 *     Latency#MEASURED_PAMT_ADD} and {@link Latency#MEASURED_PAMT_REMOVE}</td></tr>
 * <tr><td>{@code entropy-failures}</td><td>{@code 1/8@42}</td><td>about one request in 8 fails, seed 42</td></tr>
 * </table>
 *
 * <p><b>Thread-safety:</b> stateless; any thread may use it.
 */
public final class EmulatorFactory implements SeamcallProviderFactory {
    /** Makes the factory. */
    public EmulatorFactory() {}

    @Override
    public String name() {
        return "emulator";
    }

    @Override
    public String description() {
        return "TDX module 1.5.25 with Dynamic PAMT, emulated in this process";
    }

    @Override
    public SeamcallPlatform open(PlatformConfig config) {
        return EmulatedPlatform.open(EmulatorConfig.of(config));
    }
}
