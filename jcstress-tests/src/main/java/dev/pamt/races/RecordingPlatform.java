package dev.pamt.races;

import dev.pamt.api.PageAllocator;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * The emulated machine, with a note for each region of what ADD and REMOVE have answered on any of its processors, and an
 * error on demand.
 */
final class RecordingPlatform implements SeamcallPlatform {
    /** A note has a byte for each of these: an answer with success, an error, BUSY, a page that is in use already. */
    static final int ADDED = 0;

    static final int REMOVED = 8;
    static final int REFUSED = 16;
    static final int BUSY = 24;
    static final int DOUBLED = 32;

    private static final int REFUSE_NEXT_ADD = 1;
    private static final int REFUSE_NEXT_REMOVE = 2;

    private final SeamcallPlatform emulator;
    private final SeamcallProvider[] processors;
    private final long firstHpa;
    private final AtomicLongArray notes;
    private final AtomicIntegerArray orders;

    RecordingPlatform(SeamcallPlatform emulator, long firstHpa, int regions) {
        this.emulator = emulator;
        this.firstHpa = firstHpa;
        this.notes = new AtomicLongArray(regions);
        this.orders = new AtomicIntegerArray(regions);
        this.processors = new SeamcallProvider[emulator.processors()];
        for (int index = 0; index < processors.length; index++) {
            SeamcallProvider processor = emulator.processor(index);
            processors[index] = (rax, regs) -> seamcall(processor, rax, regs);
        }
    }

    void forget(long hpa) {
        notes.set(indexOf(hpa), 0);
        orders.set(indexOf(hpa), 0);
    }

    int count(long hpa, int what) {
        return (int) (notes.get(indexOf(hpa)) >>> what & 0xFF);
    }

    void refuseNextAdd(long hpa) {
        orders.set(indexOf(hpa), REFUSE_NEXT_ADD);
    }

    void refuseNextRemove(long hpa) {
        orders.set(indexOf(hpa), REFUSE_NEXT_REMOVE);
    }

    /** Whether the next REMOVE of a region will still be refused. */
    boolean refusesNextRemove(long hpa) {
        return orders.get(indexOf(hpa)) == REFUSE_NEXT_REMOVE;
    }

    private long seamcall(SeamcallProvider processor, long rax, SeamcallRegisters regs) {
        boolean add = rax == SeamcallLeaf.PHYMEM_PAMT_ADD.rax();
        int index = indexOf(regs.rcx);
        if ((!add && rax != SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax()) || index < 0 || index >= notes.length()) {
            return processor.seamcall(rax, regs);
        }
        if (orders.compareAndSet(index, add ? REFUSE_NEXT_ADD : REFUSE_NEXT_REMOVE, 0)) {
            return add ? TdxStatus.PAGE_METADATA_INCORRECT.with(TdxOperand.RCX) : TdxStatus.PAMT_PAGE_NOT_EMPTY.with(0);
        }
        long status = processor.seamcall(rax, regs);
        notes.getAndAdd(index, 1L << kind(add, status));
        return status;
    }

    private static int kind(boolean add, long status) {
        if (TdxStatus.OPERAND_BUSY.matches(status)) {
            return BUSY;
        }
        if (add && TdxStatus.PAGE_NOT_FREE.matches(status)) {
            return DOUBLED;
        }
        if (TdxStatus.isError(status)) {
            return REFUSED;
        }
        return add ? ADDED : REMOVED;
    }

    private int indexOf(long hpa) {
        return (int) Math.max(-1, (hpa - firstHpa) / PageAllocator.CHUNK_BYTES);
    }

    @Override
    public int processors() {
        return emulator.processors();
    }

    @Override
    public SeamcallProvider processor(int index) {
        return processors[index];
    }

    @Override
    public int packages() {
        return emulator.packages();
    }

    @Override
    public int packageOf(int index) {
        return emulator.packageOf(index);
    }

    @Override
    public PhysicalMemory memory() {
        return emulator.memory();
    }

    @Override
    public int firstPrivateHkid() {
        return emulator.firstPrivateHkid();
    }

    @Override
    public int privateHkids() {
        return emulator.privateHkids();
    }

    @Override
    public void close() {
        emulator.close();
    }
}
