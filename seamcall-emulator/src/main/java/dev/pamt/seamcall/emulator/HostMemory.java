package dev.pamt.seamcall.emulator;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.emulator.HostAccess.Holder;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.tdmr.Tdmr;
import java.util.function.Consumer;

/**
 * Memory as the host reaches it, with a listener for each access to memory that the module holds.
 *
 * <p>Who holds a page is read without locks, so an access beside a call that takes or returns the page may be reported or
 * not: it is a race of the host's own making.
 */
final class HostMemory implements PhysicalMemory {
    private final TdxModule module;
    private final Consumer<HostAccess> listener;

    HostMemory(TdxModule module, Consumer<HostAccess> listener) {
        this.module = module;
        this.listener = listener;
    }

    @Override
    public long read64(long hpa) {
        report(hpa, false);
        return module.memory().read64(hpa);
    }

    @Override
    public void write64(long hpa, long value) {
        report(hpa, true);
        module.memory().write64(hpa, value);
    }

    @Override
    public void clearPage(long hpa) {
        report(hpa, true);
        module.memory().clearPage(hpa);
    }

    private void report(long hpa, boolean write) {
        Holder holder = holderOf(hpa);
        if (holder != null) {
            listener.accept(new HostAccess(hpa, write, holder));
        }
    }

    private Holder holderOf(long hpa) {
        if (module.tdmrs().isPamtMemory(hpa)) {
            return Holder.PAMT_AREA;
        }
        Tdmr tdmr = module.tdmrs().usable(hpa);
        if (tdmr == null || tdmr.isReserved(hpa)) {
            return null;
        }
        if (module.pamt().isDonatedOrReserved(tdmr, hpa)) {
            return Holder.PAGE_PAIR;
        }
        return module.pamt().typeOf(tdmr, hpa) == PageType.NDA ? null : Holder.TD;
    }
}
