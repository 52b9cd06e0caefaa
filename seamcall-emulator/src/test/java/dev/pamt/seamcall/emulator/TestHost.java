package dev.pamt.seamcall.emulator;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.platform.RacePoint;
import dev.pamt.seamcall.harness.ModuleInspection;
import java.util.List;

/**
 * A host with two processors and one TDMR of 2 GiB at 4 GiB, of which the first 2 MiB are reserved; its PAMT lies below.
 * Speaks in regions: {@code region(3)} is the fourth one of the TDMR, {@code page(3, 7)} a page in it.
 */
final class TestHost {
    static final long TDMR = 4L << 30;
    static final long TDMR_BYTES = 2L << 30;
    static final long PAMT_1G = 1L << 30;
    static final long PAMT_2M = PAMT_1G + 0x1000;
    static final long PAMT_4K = PAMT_1G + (16L << 20);
    static final long HKID = 32;

    private static final long INFO_ARRAY = 0x1000;
    private static final long INFO = 0x2000;
    private static final long REGION = PageLevel.SIZE_2M.bytes();
    private static final long PAGE = PageLevel.SIZE_4K.bytes();

    final EmulatedPlatform machine;
    final SeamcallRegisters regs = new SeamcallRegisters();
    final boolean dynamicPamt;

    private TestHost(EmulatedPlatform machine, boolean dynamicPamt) {
        this.machine = machine;
        this.dynamicPamt = dynamicPamt;
    }

    static EmulatorConfig.Builder config() {
        return EmulatorConfig.builder()
                .cmrs(List.of(new PhysicalRange(0, 16L << 30)))
                .processors(2);
    }

    /** A host whose module is ready, in dynamic mode. */
    static TestHost ready() {
        return ready(config().build(), true, RacePoint.Listener.none());
    }

    static TestHost ready(EmulatorConfig config, boolean dynamicPamt, RacePoint.Listener racePoints) {
        TestHost host = new TestHost(EmulatedPlatform.open(config, racePoints, System::nanoTime), dynamicPamt);
        host.bringUp();
        return host;
    }

    /** A host whose module was just loaded. */
    static TestHost loaded(EmulatorConfig config) {
        return new TestHost(EmulatedPlatform.open(config), true);
    }

    private void bringUp() {
        expect(TdxStatus.SUCCESS, calls().sysInit(regs));
        for (int i = 0; i < machine.processors(); i++) {
            expect(TdxStatus.SUCCESS, calls(i).sysLpInit(regs));
        }
        expect(TdxStatus.SUCCESS, sysConfig(dynamicPamt));
        for (int i = 0; i < machine.packages(); i++) {
            expect(
                    TdxStatus.SUCCESS,
                    calls(i * machine.processors() / machine.packages()).sysKeyConfig(regs));
        }
        while (calls().sysTdmrInit(regs, TDMR) == TdxStatus.SUCCESS.code()) {
            assertEquals(0, regs.rdx & PageLevel.SIZE_1G.bytes() - 1);
        }
    }

    long sysConfig(boolean dynamic) {
        write(INFO_ARRAY, INFO);
        write(INFO, TDMR, TDMR_BYTES, PAMT_1G, 0x1000, PAMT_2M, 0x4000, PAMT_4K, dynamic ? 0x10000 : 8L << 20);
        write(INFO + 64, 0, REGION);
        return calls().sysConfig(regs, INFO_ARRAY, 1, HKID | (dynamic ? Seamcalls.SYS_CONFIG_DYNAMIC_PAMT : 0));
    }

    private void write(long hpa, long... words) {
        for (int i = 0; i < words.length; i++) {
            machine.memory().write64(hpa + i * 8L, words[i]);
        }
    }

    ModuleInspection inspection() {
        return machine.extension(ModuleInspection.class).orElseThrow();
    }

    Seamcalls calls() {
        return calls(0);
    }

    Seamcalls calls(int processor) {
        return new Seamcalls(machine.processor(processor));
    }

    static long region(int number) {
        return TDMR + number * REGION;
    }

    static long page(int region, int number) {
        return region(region) + number * PAGE;
    }

    long add(int region, long page0, long page1) {
        return calls().pamtAdd(regs, region(region), page0, page1);
    }

    long remove(int region) {
        return calls().pamtRemove(regs, region(region));
    }

    long rdmd(long hpaAndLevel) {
        return calls().pageRdmd(regs, hpaAndLevel);
    }

    /** A raw word of the PAMT_2M entry of a region. */
    long entry2m(int region, int word) {
        return machine.memory().read64(entry2mHpa(region) + word * 8L);
    }

    static long entry2mHpa(int region) {
        return PAMT_2M + region * 16L;
    }

    /** How many pages of a region with a pair are in use. */
    long pagesInUse(int region) {
        return entry2m(region, 1) & 0x3FF;
    }

    /** The type of the page at an address, by PAGE.RDMD; its owner is in RDX then. */
    long typeOf(long page) {
        expect(TdxStatus.SUCCESS, rdmd(page));
        return regs.rcx;
    }

    /** The lock word of the PAMT_2M entry of a region. */
    long lock2m(int region) {
        return entry2m(region, 0) & 0xFFFF;
    }

    void setLock2m(int region, long raw) {
        machine.memory().write64(entry2mHpa(region), (entry2m(region, 0) & ~0xFFFFL) | raw);
    }

    boolean donated(long page) {
        long index = (page - TDMR) / PAGE;
        return (machine.memory().read64(PAMT_4K + index / 64 * 8) >>> index & 1) != 0;
    }

    /** Runs any leaf with RCX and RDX set. */
    long call(SeamcallLeaf leaf, long rcx, long rdx) {
        regs.rcx = rcx;
        regs.rdx = rdx;
        return machine.processor(0).seamcall(leaf.rax(), regs);
    }

    static void expect(TdxStatus expected, long status) {
        assertEquals(TdxStatus.toString(expected.code()), TdxStatus.toString(status));
    }

    static void expect(long expected, long status) {
        assertEquals(TdxStatus.toString(expected), TdxStatus.toString(status));
    }
}
