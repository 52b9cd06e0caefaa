package dev.pamt.seamcall.emulator;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.emulator.lock.HostPriorityLock;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.memory.Words;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.td.Td;
import dev.pamt.seamcall.emulator.tdmr.Tdmr;
import dev.pamt.seamcall.emulator.vp.Vcpu;
import dev.pamt.seamcall.harness.GuestDriver;
import dev.pamt.seamcall.harness.ModuleInspection;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A test harness's way into an emulated module. What a harness decides, entropy, interrupts and time, is asked for by the
 * machine through {@link #entropyFails()}, {@link #interruptDue()} and {@link #clockOffsetNanos()}.
 */
final class EmulatorInspection implements ModuleInspection {
    private static final int NO_INTERRUPT = -1;

    private final AtomicInteger pollsBeforeInterrupt = new AtomicInteger(NO_INTERRUPT);
    private TdxModule module;
    private GuestDriver guests;
    private volatile boolean entropyFails;
    private volatile boolean interruptPending;
    private volatile long clockOffsetNanos;

    EmulatorInspection() {}

    /** Says which module this is about; the module needs this object to be made. */
    void inspect(TdxModule inspected, LogicalProcessor[] processors) {
        module = inspected;
        guests = new EmulatorGuests(inspected, processors);
    }

    boolean entropyFails() {
        return entropyFails;
    }

    boolean interruptDue() {
        // Read first: polls of a machine without a harness must not fight for the counter.
        return interruptPending
                || (pollsBeforeInterrupt.get() != NO_INTERRUPT
                        && pollsBeforeInterrupt.getAndUpdate(polls -> polls == NO_INTERRUPT ? polls : polls - 1) == 0);
    }

    long clockOffsetNanos() {
        return clockOffsetNanos;
    }

    @Override
    public int lockWord(PageLevel level, long hpa) {
        return HostPriorityLock.raw(pamtEntryWord(level, hpa, 0));
    }

    @Override
    public void setLockWord(PageLevel level, long hpa, int word) {
        long entry = entryHpa(level, hpa);
        module.memory().write64(entry, HostPriorityLock.withRaw(module.memory().read64(entry), word));
    }

    @Override
    public long pamtEntryWord(PageLevel level, long hpa, int index) {
        return module.memory().read64(entryHpa(level, hpa) + (long) index * Long.BYTES);
    }

    @Override
    public boolean isInPageBitmap(long hpa) {
        return module.pamt().isDonatedOrReserved(tdmrOf(hpa), hpa);
    }

    private Tdmr tdmrOf(long hpa) {
        Tdmr tdmr = module.tdmrs().covering(hpa);
        if (tdmr == null) {
            throw new IllegalArgumentException("no TDMR covers 0x" + Long.toHexString(hpa));
        }
        return tdmr;
    }

    private long entryHpa(PageLevel level, long hpa) {
        long entryHpa = module.pamt().entryHpa(tdmrOf(hpa), hpa, level);
        if (level == PageLevel.SIZE_4K && module.pamt().dynamic() && entryHpa < SparseMemory.PAGE_BYTES) {
            throw new IllegalArgumentException("the region of 0x" + Long.toHexString(hpa) + " has no page pair");
        }
        return entryHpa;
    }

    @Override
    public int keyTableLock() {
        return module.kot().lock().raw();
    }

    @Override
    public void setKeyTableLock(int word) {
        module.kot().lock().setRaw(word);
    }

    @Override
    public void setEntropyFails(boolean fails) {
        entropyFails = fails;
    }

    @Override
    public void setInterruptPending(boolean pending) {
        interruptPending = pending;
    }

    @Override
    public void interruptAfterPolls(int polls) {
        pollsBeforeInterrupt.set(Math.max(polls, NO_INTERRUPT));
    }

    @Override
    public synchronized void advanceClock(long nanos) {
        if (nanos < 0) {
            throw new IllegalArgumentException("a clock goes forward, not by " + nanos + " ns");
        }
        clockOffsetNanos += nanos;
    }

    @Override
    public long septEntry(long tdrHpa, long gpa, int level) {
        return module.memory().read64(septEntryHpa(tdrHpa, gpa, level));
    }

    @Override
    public void setSeptEntry(long tdrHpa, long gpa, int level, long entry) {
        module.memory().write64(septEntryHpa(tdrHpa, gpa, level), entry);
    }

    private long septEntryHpa(long tdrHpa, long gpa, int level) {
        Td td = td(tdrHpa);
        if (td.septRootHpa(0) == 0) {
            throw new IllegalArgumentException("TD 0x" + Long.toHexString(tdrHpa) + " has no Secure EPT yet");
        }
        return module.sept().entryHpa(td, gpa, level);
    }

    @Override
    public int tdLock(long tdrHpa, TdLock lock) {
        Td td = td(tdrHpa);
        return switch (lock) {
            case OP_STATE -> HostPriorityLock.raw(Words.lv(td.locks(), Td.OP_STATE_LOCK));
            case SEPT_TREE -> HostPriorityLock.raw(Words.lv(td.locks(), Td.SEPT_TREE_LOCK));
            case EPOCH -> td.epochLock().raw();
        };
    }

    @Override
    public void setTdLock(long tdrHpa, TdLock lock, int word) {
        Td td = td(tdrHpa);
        switch (lock) {
            case OP_STATE -> Words.sv(td.locks(), Td.OP_STATE_LOCK, HostPriorityLock.withRaw(0, word));
            case SEPT_TREE -> Words.sv(td.locks(), Td.SEPT_TREE_LOCK, HostPriorityLock.withRaw(0, word));
            case EPOCH -> td.epochLock().setRaw(word);
        }
    }

    @Override
    public long tdOf(long tdvprHpa) {
        Vcpu vcpu = module.vcpus().at(tdvprHpa);
        if (vcpu == null) {
            throw new IllegalArgumentException("no vCPU has its root page at 0x" + Long.toHexString(tdvprHpa));
        }
        return vcpu.td().tdrHpa();
    }

    @Override
    public long epoch(long tdrHpa) {
        Td td = module.tds().at(tdrHpa);
        return td == null ? 0 : td.epoch();
    }

    @Override
    public long childPages(long tdrHpa) {
        Td td = module.tds().at(tdrHpa);
        return td == null ? 0 : td.childPages();
    }

    private Td td(long tdrHpa) {
        Td td = module.tds().at(tdrHpa);
        if (td == null) {
            throw new IllegalArgumentException("no TD has its root page at 0x" + Long.toHexString(tdrHpa));
        }
        return td;
    }

    @Override
    public Optional<GuestDriver> guests() {
        return Optional.of(guests);
    }
}
