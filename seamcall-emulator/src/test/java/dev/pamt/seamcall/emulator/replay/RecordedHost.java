package dev.pamt.seamcall.emulator.replay;

import static dev.pamt.seamcall.emulator.replay.Recording.number;

import com.fasterxml.jackson.databind.JsonNode;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.EmulatorConfig;
import dev.pamt.seamcall.emulator.TdxModuleEmulator;
import java.util.ArrayList;
import java.util.List;

/**
 * The machine that a recording was made on, brought up through real calls, and what can be read of the PAMT in its memory.
 */
final class RecordedHost {
    private static final long RECORDED_CMR_BYTES = 1L << 40;
    private static final long INFO_ARRAY_HPA = 0x1000;
    private static final long INFO_HPA = 0x10000;
    private static final long INFO_STRIDE = 0x1000;
    private static final long TD_PARAMS_HPA = 0x130000;
    private static final long ENTRY_BYTES = 16;

    /** A TDMR of the recording. */
    record Tdmr(long baseHpa, long bytes, long pamt1gHpa, long pamt2mHpa, long pamt4kHpa) {}

    private final TdxModuleEmulator machine;
    private final boolean dynamicPamt;
    private final List<Tdmr> tdmrs = new ArrayList<>();

    private RecordedHost(TdxModuleEmulator machine, boolean dynamicPamt) {
        this.machine = machine;
        this.dynamicPamt = dynamicPamt;
    }

    static EmulatorConfig config(JsonNode platform, EmulatorConfig.Builder options) {
        return options.cmrs(List.of(new PhysicalRange(0, RECORDED_CMR_BYTES)))
                .processors(platform.get("num_lps").intValue())
                .packages(platform.get("num_pkgs").intValue())
                .maxPaBits(platform.get("maxpa").intValue())
                .hkidStartBit(platform.get("hkid_start_bit").intValue())
                .privateHkids(
                        platform.get("private_hkid_min").intValue(),
                        platform.get("private_hkid_max").intValue())
                .build();
    }

    /** Brings the module up as the header of a recording says. */
    static RecordedHost bringUp(JsonNode header, EmulatorConfig.Builder options) {
        return bringUp(header, TdxModuleEmulator.open(config(header.get("platform"), options)));
    }

    static RecordedHost bringUp(JsonNode header, TdxModuleEmulator machine) {
        JsonNode platform = header.get("platform");
        RecordedHost host = new RecordedHost(machine, header.get("dynamic_pamt").booleanValue());
        SeamcallRegisters regs = new SeamcallRegisters();
        host.initialise(regs);
        for (JsonNode tdmr : header.get("tdmrs")) {
            host.tdmrs.add(new Tdmr(
                    number(tdmr.get("base")),
                    number(tdmr.get("size")),
                    number(tdmr.get("pamt_1g").get("base")),
                    number(tdmr.get("pamt_2m").get("base")),
                    number(tdmr.get("pamt_4k").get("base"))));
        }
        long status = configure(machine, regs, header.get("tdmrs"), host.dynamicPamt, platform.get("global_hkid"));
        expectSuccess(status);
        for (int i = 0; i < machine.packages(); i++) {
            expectSuccess(host.calls(firstProcessorOf(machine, i)).sysKeyConfig(regs));
        }
        for (int i = 0; i < host.tdmrs.size(); i++) {
            // Where a recording does not say how far it went, it went all the way.
            JsonNode done = header.get("tdmr_init_calls_done");
            long calls = done == null
                    ? host.tdmrs.get(i).bytes() >>> 24
                    : done.get(i).longValue();
            for (long call = 0; call < calls; call++) {
                expectSuccess(host.calls(0).sysTdmrInit(regs, host.tdmrs.get(i).baseHpa()));
            }
        }
        return host;
    }

    /** Runs SYS.INIT and SYS.LP.INIT on all processors. */
    void initialise(SeamcallRegisters regs) {
        expectSuccess(calls(0).sysInit(regs));
        for (int i = 0; i < machine.processors(); i++) {
            expectSuccess(calls(i).sysLpInit(regs));
        }
    }

    static RecordedHost uninitialised(JsonNode platform) {
        return new RecordedHost(TdxModuleEmulator.open(config(platform, EmulatorConfig.builder())), false);
    }

    /** Writes TDMR_INFO as a recording lists it and runs SYS.CONFIG. */
    static long configure(
            TdxModuleEmulator machine, SeamcallRegisters regs, JsonNode tdmrs, boolean dynamicPamt, JsonNode hkid) {
        PhysicalMemory memory = machine.memory();
        for (int i = 0; i < tdmrs.size(); i++) {
            JsonNode tdmr = tdmrs.get(i);
            long info = INFO_HPA + i * INFO_STRIDE;
            memory.write64(INFO_ARRAY_HPA + i * 8L, info);
            memory.write64(info, number(tdmr.get("base")));
            memory.write64(info + 8, number(tdmr.get("size")));
            writeArea(memory, info + 16, tdmr, "pamt_1g", "p1g");
            writeArea(memory, info + 32, tdmr, "pamt_2m", "p2m");
            writeArea(memory, info + 48, tdmr, "pamt_4k", "p4k");
            JsonNode reserved = tdmr.has("reserved") ? tdmr.get("reserved") : tdmr.get("rsvd");
            for (int j = 0; j < reserved.size(); j++) {
                JsonNode area = reserved.get(j);
                memory.write64(info + 64 + j * 16L, number(area.isArray() ? area.get(0) : area.get("offset")));
                memory.write64(info + 72 + j * 16L, number(area.isArray() ? area.get(1) : area.get("size")));
            }
        }
        long options = number(hkid) | (dynamicPamt ? Seamcalls.SYS_CONFIG_DYNAMIC_PAMT : 0);
        return new Seamcalls(machine.processor(0)).sysConfig(regs, INFO_ARRAY_HPA, tdmrs.size(), options);
    }

    private static void writeArea(PhysicalMemory memory, long hpa, JsonNode tdmr, String name, String shortName) {
        JsonNode area = tdmr.has(name) ? tdmr.get(name) : tdmr.get(shortName);
        memory.write64(hpa, number(area.isArray() ? area.get(0) : area.get("base")));
        memory.write64(hpa + 8, number(area.isArray() ? area.get(1) : area.get("size")));
    }

    private static int firstProcessorOf(TdxModuleEmulator machine, int packageIndex) {
        int processor = 0;
        while (machine.packageOf(processor) != packageIndex) {
            processor++;
        }
        return processor;
    }

    private static void expectSuccess(long status) {
        if (TdxStatus.isError(status)) {
            throw new IllegalStateException("bring-up failed: " + TdxStatus.toString(status));
        }
    }

    /** Writes TD_PARAMS as the recording harness did. */
    void writeTdParams(long attributes, long l2Vms) {
        memory().write64(TD_PARAMS_HPA, attributes);
        memory().write64(TD_PARAMS_HPA + 8, 3);
        memory().write64(TD_PARAMS_HPA + 16, 4 | l2Vms << 16);
        memory().write64(TD_PARAMS_HPA + 24, 6 | 3 << 3);
        memory().write64(TD_PARAMS_HPA + 40, 40);
    }

    TdxModuleEmulator machine() {
        return machine;
    }

    PhysicalMemory memory() {
        return machine.memory();
    }

    Seamcalls calls(int processor) {
        return new Seamcalls(machine.processor(processor));
    }

    /** The TDMR of an address, or null. */
    Tdmr tdmrOf(long hpa) {
        for (Tdmr tdmr : tdmrs) {
            if (hpa >= tdmr.baseHpa() && hpa < tdmr.baseHpa() + tdmr.bytes()) {
                return tdmr;
            }
        }
        return null;
    }

    /** The address of the PAMT entry of a page, at a level. */
    long entryHpa(long hpa, PageLevel level) {
        Tdmr tdmr = tdmrOf(hpa);
        long offset = hpa - tdmr.baseHpa();
        return switch (level) {
            case SIZE_1G -> tdmr.pamt1gHpa() + (offset >>> 30) * ENTRY_BYTES;
            case SIZE_2M -> tdmr.pamt2mHpa() + (offset >>> 21) * ENTRY_BYTES;
            case SIZE_4K -> dynamicPamt ? pairEntryHpa(hpa) : tdmr.pamt4kHpa() + (offset >>> 12) * ENTRY_BYTES;
        };
    }

    private long pairEntryHpa(long hpa) {
        long entry2m = entryHpa(hpa, PageLevel.SIZE_2M);
        int index = (int) (hpa >>> 12) & 511;
        long page = memory().read64(index < 256 ? entry2m : entry2m + 8) >>> 28 << 12;
        return page + (index & 255) * ENTRY_BYTES;
    }

    /** The bit of a page in the page bitmap. */
    int bitmapBit(long hpa) {
        Tdmr tdmr = tdmrOf(hpa);
        long index = (hpa - tdmr.baseHpa()) >>> 12;
        return (int) (memory().read64(tdmr.pamt4kHpa() + index / 64 * 8) >>> index) & 1;
    }
}
