package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.AccessKind;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.harness.GuestDriver;
import dev.pamt.seamcall.harness.ModuleInspection;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;

/**
 * A machine without a module. What is read of it was put into {@link #words} before, and is 0 otherwise; what is done to it
 * is in the {@link #log}. Calls of the module are answered by {@link #module}, steps of guests by {@link #steps}.
 */
final class FakeMachine implements SeamcallPlatform, ModuleInspection, GuestDriver, PhysicalMemory {
    /** The SEAMCALL instruction of a processor. */
    @FunctionalInterface
    interface Module {
        long seamcall(int processor, long rax, SeamcallRegisters regs);
    }

    final List<String> log = Collections.synchronizedList(new ArrayList<>());
    final Map<String, Long> words = new ConcurrentHashMap<>();
    final Deque<StepResult> steps = new ArrayDeque<>();
    Module module = (processor, rax, regs) -> 0;
    boolean inspected = true;
    boolean guests = true;
    long entered = ENTERED;
    Consumer<SeamcallRegisters> onTdcall = regs -> {};
    Consumer<SeamcallRegisters> onExit = regs -> {};
    PlatformConfig config;
    int opened;
    int closed;

    private SeamcallRegisters ofEnter;

    /** Opens the machine; it is this one each time. */
    SeamcallPlatform open(PlatformConfig wanted) {
        config = wanted;
        opened++;
        return this;
    }

    private long word(String name) {
        return words.getOrDefault(name, 0L);
    }

    private void set(String name, long value) {
        words.put(name, value);
        log.add("%s := 0x%x".formatted(name, value));
    }

    @Override
    public int processors() {
        return config.processors();
    }

    @Override
    public SeamcallProvider processor(int index) {
        return (rax, regs) -> {
            log.add("%d: 0x%x %s".formatted(index, rax, regs));
            return module.seamcall(index, rax, regs);
        };
    }

    @Override
    public int packages() {
        return config.packages();
    }

    @Override
    public int packageOf(int processor) {
        return processor * config.packages() / config.processors();
    }

    @Override
    public PhysicalMemory memory() {
        return this;
    }

    @Override
    public int firstPrivateHkid() {
        return 32;
    }

    @Override
    public int privateHkids() {
        return 32;
    }

    @Override
    public <T> Optional<T> extension(Class<T> type) {
        return inspected && type.isInstance(this) ? Optional.of(type.cast(this)) : Optional.empty();
    }

    @Override
    public void close() {
        closed++;
    }

    @Override
    public long read64(long hpa) {
        return word("memory 0x%x".formatted(hpa));
    }

    @Override
    public void write64(long hpa, long value) {
        set("memory 0x%x".formatted(hpa), value);
    }

    @Override
    public void clearPage(long hpa) {
        log.add("memory 0x%x cleared".formatted(hpa));
    }

    @Override
    public int lockWord(PageLevel level, long hpa) {
        return (int) word("lock %s 0x%x".formatted(level, hpa));
    }

    @Override
    public void setLockWord(PageLevel level, long hpa, int lock) {
        set("lock %s 0x%x".formatted(level, hpa), lock);
    }

    @Override
    public long pamtEntryWord(PageLevel level, long hpa, int index) {
        return word("pamt %s 0x%x %d".formatted(level, hpa, index));
    }

    @Override
    public boolean isInPageBitmap(long hpa) {
        return word("bitmap 0x%x".formatted(hpa)) != 0;
    }

    @Override
    public int keyTableLock() {
        throw new UnsupportedOperationException();
    }

    @Override
    public void setKeyTableLock(int lock) {
        set("kot", lock);
    }

    @Override
    public void setEntropyFails(boolean fails) {
        log.add("entropy fails: %s".formatted(fails));
    }

    @Override
    public void setInterruptPending(boolean pending) {
        log.add("interrupt pending: %s".formatted(pending));
    }

    @Override
    public void interruptAfterPolls(int polls) {
        log.add("interrupt after %d".formatted(polls));
    }

    @Override
    public void advanceClock(long nanos) {
        log.add("clock + %d".formatted(nanos));
    }

    /** Throws if there is no such entry. */
    @Override
    public long septEntry(long tdrHpa, long gpa, int level) {
        String name = "sept 0x%x 0x%x %d".formatted(tdrHpa, gpa, level);
        if (!words.containsKey(name)) {
            throw new IllegalArgumentException("there is no " + name);
        }
        return words.get(name);
    }

    @Override
    public void setSeptEntry(long tdrHpa, long gpa, int level, long entry) {
        set("sept 0x%x 0x%x %d".formatted(tdrHpa, gpa, level), entry);
    }

    @Override
    public int tdLock(long tdrHpa, TdLock lock) {
        return (int) word("td 0x%x %s".formatted(tdrHpa, lock));
    }

    @Override
    public void setTdLock(long tdrHpa, TdLock lock, int value) {
        set("td 0x%x %s".formatted(tdrHpa, lock), value);
    }

    @Override
    public long tdOf(long tdvprHpa) {
        return word("td of 0x%x".formatted(tdvprHpa));
    }

    @Override
    public long epoch(long tdrHpa) {
        return word("epoch 0x%x".formatted(tdrHpa));
    }

    @Override
    public long childPages(long tdrHpa) {
        return word("child pages 0x%x".formatted(tdrHpa));
    }

    @Override
    public Optional<GuestDriver> guests() {
        return guests ? Optional.of(this) : Optional.empty();
    }

    @Override
    public long enter(int processor, SeamcallRegisters regs) {
        log.add("enter %d: %s".formatted(processor, regs));
        ofEnter = regs;
        return entered;
    }

    @Override
    public long rax(int processor) {
        return word("guest rax %d".formatted(processor));
    }

    @Override
    public void setRax(int processor, long value) {
        set("guest rax %d".formatted(processor), value);
    }

    @Override
    public void enterLongMode(int processor) {
        log.add("long mode %d".formatted(processor));
    }

    @Override
    public void advance(int processor) {
        log.add("advance %d".formatted(processor));
    }

    @Override
    public StepResult tdcall(int processor, long rax, SeamcallRegisters guestRegs) {
        log.add("tdcall %d: 0x%x %s".formatted(processor, rax, guestRegs));
        onTdcall.accept(guestRegs);
        return step();
    }

    @Override
    public StepResult access(int processor, long gpa, AccessKind kind) {
        log.add("%s %d: 0x%x".formatted(kind, processor, gpa));
        return step();
    }

    @Override
    public StepResult interrupt(int processor) {
        log.add("interrupt %d".formatted(processor));
        return step();
    }

    private StepResult step() {
        StepResult step = steps.remove();
        if (step.outcome() == StepOutcome.EXIT) {
            onExit.accept(ofEnter);
        }
        return step;
    }
}
