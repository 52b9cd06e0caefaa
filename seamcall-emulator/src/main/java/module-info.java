/**
 * The TDX module in this process: a backend of {@link dev.pamt.seamcall.SeamcallProviderFactory} named {@code emulator}.
 *
 * <p>Users see {@link dev.pamt.seamcall.emulator} and, for guests of their own, {@link dev.pamt.seamcall.emulator.guest}.
 * What is behind them is laid out like the ABI of the module; no package uses one further up this list:
 *
 * <ul>
 *   <li>{@code dispatch}: the door, where every SEAMCALL comes in
 *   <li>{@code phymem}: the leaves on physical pages, TDH.PHYMEM.PAGE and TDH.PHYMEM.CACHE
 *   <li>{@code vp}: vCPUs, TDH.VP, and what a guest in one can do
 *   <li>{@code sept}: Secure EPT, TDH.MEM
 *   <li>{@code td}: TDs, TDH.MNG
 *   <li>{@code sys}: the module as a whole, TDH.SYS
 *   <li>{@code pamt}: the PAMT, TDH.PHYMEM.PAMT
 *   <li>{@code key}: the key ownership table
 *   <li>{@code tdmr}: TDMRs and their PAMT areas
 *   <li>{@code lock}: the module's locks
 *   <li>{@code metadata}: tables of fields
 *   <li>{@code platform}: the machine that the module is loaded into
 *   <li>{@code memory}: physical memory
 * </ul>
 */
module dev.pamt.seamcall.emulator {
    requires transitive dev.pamt.seamcall;
    requires org.slf4j;

    exports dev.pamt.seamcall.emulator;
    exports dev.pamt.seamcall.emulator.guest;

    provides dev.pamt.seamcall.SeamcallProviderFactory with
            dev.pamt.seamcall.emulator.EmulatorFactory;
}
