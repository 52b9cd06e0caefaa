/**
 * The TDX module in this process: a backend of {@link dev.pamt.seamcall.SeamcallProviderFactory} named {@code emulator}.
 *
 * <p>Everything behind the exported package is laid out like the module it stands for: {@code dispatch}, {@code tdmr},
 * {@code pamt}, {@code key}, {@code td}, {@code sys}.
 */
module dev.pamt.seamcall.emulator {
    requires transitive dev.pamt.seamcall;
    requires org.slf4j;

    exports dev.pamt.seamcall.emulator;
    exports dev.pamt.seamcall.emulator.guest;

    provides dev.pamt.seamcall.SeamcallProviderFactory with
            dev.pamt.seamcall.emulator.EmulatorFactory;
}
