package dev.pamt.seamcall.emulator;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import dev.pamt.seamcall.emulator.platform.Timing;
import dev.pamt.seamcall.emulator.tdmr.Cmrs;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A machine with an emulated TDX module, which was just loaded: the host has SYS.INIT still before it.
 *
 * <p>The module behaves like TDX module 1.5.25: it answers the same statuses in the same order of checks, takes the same
 * locks for as long, leaves the same bits behind. Where the real module shuts down, this one does, see {@link #fatal()}.
 *
 * <p>An idle machine costs next to nothing whatever its size: memory is made when a word in it becomes other than zero.
 * 16 bytes of PAMT for each 4K page come with the first use of a page pair, and go with PAMT.REMOVE.
 *
 * <p><b>Thread-safety:</b> all methods may be called by any thread at any time, and any number of threads may run
 * SEAMCALLs at once, also on one processor. <b>Progress:</b> a call never waits for another one; the module's locks are
 * tried once and answered BUSY.
 */
public final class EmulatedPlatform implements SeamcallPlatform {
    private static final Logger LOG = LoggerFactory.getLogger(EmulatedPlatform.class);

    private final EmulatorConfig config;
    private final EmulatorInspection inspection;
    private final TdxModule module;
    private final SeamcallProvider[] processors;
    private final PhysicalMemory memory;
    private final AtomicReference<FatalError> fatal = new AtomicReference<>();

    private EmulatedPlatform(EmulatorConfig config, RacePoint.Listener racePoints, LongSupplier nanoClock) {
        this.config = config;
        HpaRules hpas = new HpaRules(
                config.maxPaBits(), config.hkidStartBit(), config.firstPrivateHkid(), config.lastPrivateHkid());
        inspection = new EmulatorInspection();
        Machine machine = new Machine(
                new SparseMemory(),
                hpas,
                config.processors(),
                config.packages(),
                config.dynamicPamt(),
                () -> !inspection.entropyFails() && config.entropy().available(),
                () -> nanoClock.getAsLong() + inspection.clockOffsetNanos(),
                new Timing(config.latencies()),
                racePoints);
        module = new TdxModule(machine, new Cmrs(config.cmrs()), config.guests(), this::noteFatal);
        LogicalProcessor[] logicalProcessors = new LogicalProcessor[config.processors()];
        processors = new SeamcallProvider[config.processors()];
        for (int i = 0; i < processors.length; i++) {
            int index = i;
            LogicalProcessor lp = new LogicalProcessor(
                    i, config.packageOf(i), () -> config.interrupts().pending(index) || inspection.interruptDue());
            logicalProcessors[i] = lp;
            processors[i] = (rax, regs) -> module.dispatcher().call(lp, rax, regs);
        }
        inspection.inspect(module, logicalProcessors);
        memory = config.hostAccessListener()
                .<PhysicalMemory>map(listener -> new HostMemory(module, listener))
                .orElse(module.memory());
    }

    /**
     * Switches a machine on.
     *
     * @param config what it looks like
     * @return the machine
     */
    public static EmulatedPlatform open(EmulatorConfig config) {
        return open(config, RacePoint.Listener.none(), System::nanoTime);
    }

    /** Switches a machine on whose calls a test can stop half-way and whose clock it can set. */
    static EmulatedPlatform open(EmulatorConfig config, RacePoint.Listener racePoints, LongSupplier nanoClock) {
        return new EmulatedPlatform(config, racePoints, nanoClock);
    }

    /**
     * What the machine looks like.
     *
     * @return its configuration
     */
    public EmulatorConfig config() {
        return config;
    }

    /**
     * Why the module has shut down, if it has. The real module shuts down when its structures contradict each other, which
     * a host can bring about by calls that race.
     *
     * @return the first fatal error, or empty while the module works
     */
    public Optional<FatalError> fatal() {
        return Optional.ofNullable(fatal.get());
    }

    /**
     * What was called that the real module has and this one has not. Such a leaf is answered as one that no module has; a host
     * that goes on all the same may rely on something that is not here.
     *
     * @return the number of calls of each such leaf that was called, by the name that the ABI gives it
     */
    public Map<String, Long> absentLeafCalls() {
        return module.dispatcher().absent().calls();
    }

    @Override
    public int processors() {
        return processors.length;
    }

    @Override
    public SeamcallProvider processor(int index) {
        return processors[index];
    }

    @Override
    public int packages() {
        return config.packages();
    }

    @Override
    public int packageOf(int processor) {
        return config.packageOf(processor);
    }

    /**
     * Physical memory as the host reaches it; the module's structures live in it at their real addresses. Every address
     * below 2^52 can be used, in a convertible memory range or not.
     */
    @Override
    public PhysicalMemory memory() {
        return memory;
    }

    @Override
    public int firstPrivateHkid() {
        return config.firstPrivateHkid();
    }

    @Override
    public int privateHkids() {
        return config.lastPrivateHkid() - config.firstPrivateHkid() + 1;
    }

    @Override
    public <T> Optional<T> extension(Class<T> type) {
        return type.isInstance(inspection) ? Optional.of(type.cast(inspection)) : Optional.empty();
    }

    /** Switches the machine off: later calls are answered with an exception. */
    @Override
    public void close() {
        module.dispatcher().shutDown("the machine was switched off");
    }

    private void noteFatal(int id, SeamcallLeaf leaf, int processor) {
        FatalError error = new FatalError(id, leaf, processor);
        fatal.set(error);
        LOG.warn("The TDX module has shut down: {}", error);
        config.fatalListener().accept(error);
    }

    /** The parts of the module, for tests that look inside. */
    TdxModule module() {
        return module;
    }
}
