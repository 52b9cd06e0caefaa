package dev.pamt.tck;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;

/** The machine of a test of {@link SeamcallProviderContractTest}, and how its module is brought up. */
abstract class BackendUnderTest {
    static final long TDMR = 4L << 30;
    static final long TDMR_BYTES = 1L << 30;
    static final long PAMT_1G = 1L << 30;
    static final long PAMT_2M = PAMT_1G + 0x1000;
    static final long PAMT_4K = PAMT_1G + 0x10000;
    static final long INFO_ARRAY = 0x1000;
    static final long INFO = 0x2000;
    static final long REGION = PageLevel.SIZE_2M.bytes();
    static final long PAGE = PageLevel.SIZE_4K.bytes();

    final SeamcallRegisters regs = new SeamcallRegisters();
    SeamcallPlatform machine;

    /**
     * Opens the backend under test.
     *
     * @param config what the machine is to look like
     * @return the machine, whose module was not initialised yet; the test closes it
     */
    protected abstract SeamcallPlatform open(PlatformConfig config);

    /**
     * What the backend can do; everything, unless overridden.
     *
     * @return the capabilities
     */
    protected Set<SeamcallProviderContractTest.Capability> capabilities() {
        return EnumSet.allOf(SeamcallProviderContractTest.Capability.class);
    }

    /**
     * How long the backend may take for one call.
     *
     * @return a time that a slow machine does not exceed either
     */
    protected Duration callTimeout() {
        return Duration.ofSeconds(5);
    }

    @AfterEach
    void closeMachine() {
        if (machine != null) {
            machine.close();
        }
    }

    void need(SeamcallProviderContractTest.Capability capability) {
        assumeTrue(capabilities().contains(capability), "the backend lacks the capability " + capability);
    }

    void openMachine() {
        machine = open(PlatformConfig.builder()
                .cmrs(List.of(new PhysicalRange(0, 16L << 30)))
                .processors(2)
                .build());
    }

    Seamcalls calls() {
        return new Seamcalls(machine.processor(0));
    }

    void initialise() {
        openMachine();
        expect(0, calls().sysInit(regs.clear()));
        for (int i = 0; i < machine.processors(); i++) {
            expect(0, new Seamcalls(machine.processor(i)).sysLpInit(regs.clear()));
        }
    }

    /** Writes the description of the TDMR, with the base once more at the end. */
    void describeTdmr(long bytes) {
        PhysicalMemory memory = machine.memory();
        memory.write64(INFO_ARRAY, INFO);
        long[] words = {TDMR, bytes, PAMT_1G, 0x1000, PAMT_2M, 0x2000, PAMT_4K, 0x8000};
        for (int i = 0; i < words.length; i++) {
            memory.write64(INFO + (long) i * Long.BYTES, words[i]);
        }
        memory.write64(INFO, TDMR);
    }

    long configure() {
        long options = machine.firstPrivateHkid() | Seamcalls.SYS_CONFIG_DYNAMIC_PAMT;
        return calls().sysConfig(regs.clear(), INFO_ARRAY, 1, options);
    }

    /** A machine whose module is ready. */
    void bringUp() {
        need(SeamcallProviderContractTest.Capability.DYNAMIC_PAMT);
        initialise();
        describeTdmr(TDMR_BYTES);
        expect(0, configure());
        expect(0, calls().sysKeyConfig(regs.clear()));
        long initialised = 0;
        while (initialised < TDMR + TDMR_BYTES) {
            expect(0, calls().sysTdmrInit(regs.clear(), TDMR));
            initialised = regs.rdx;
        }
    }

    static long region(int number) {
        return TDMR + number * REGION;
    }

    static long page(int region, int number) {
        return region(region) + number * PAGE;
    }

    static void expect(long expected, long status) {
        assertEquals(TdxStatus.toString(expected), TdxStatus.toString(status));
    }

    long add(long regionHpa, long page0Hpa, long page1Hpa) {
        return calls().pamtAdd(regs.clear(), regionHpa, page0Hpa, page1Hpa);
    }

    /** Different numbers in all registers. */
    static SeamcallRegisters marked() {
        SeamcallRegisters marked = new SeamcallRegisters();
        for (TdxOperand register : SeamcallRegisters.OPERANDS) {
            marked.set(register, 0xCA00_0000_0000_0FEEL + ((long) register.id() << 32));
        }
        return marked;
    }
}
