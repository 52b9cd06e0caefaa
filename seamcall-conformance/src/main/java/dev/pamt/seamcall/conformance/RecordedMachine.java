package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import java.io.IOException;
import java.util.List;
import java.util.function.Function;

/**
 * The machine that a recording was made on, as a backend makes it, brought up through real calls.
 */
final class RecordedMachine implements AutoCloseable {
    /** What recordings without a header were made on. */
    private static final String DEFAULT_PLATFORM = "{\"maxpa\": 46, \"hkid_start_bit\": 40, \"private_hkid_min\": 32,"
            + " \"private_hkid_max\": 63, \"global_hkid\": 32, \"num_lps\": 1, \"num_pkgs\": 1}";

    private static final long CMR_BYTES = 1L << 40;
    private static final long INFO_ARRAY_HPA = 0x1000;
    private static final long INFO_HPA = 0x10000;
    private static final long INFO_STRIDE = 0x1000;
    private static final int RESERVED_AREAS_OFFSET = 64;
    private static final long TD_PARAMS_HPA = 0x130000;
    private static final int STATIC_INIT_SHIFT = 22;
    private static final int DYNAMIC_INIT_SHIFT = 24;

    private final SeamcallPlatform platform;

    private RecordedMachine(SeamcallPlatform platform) {
        this.platform = platform;
    }

    static JsonValue defaultPlatform() {
        try {
            return JsonValue.parse(DEFAULT_PLATFORM);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static PlatformConfig config(JsonValue platform) {
        PlatformConfig.Builder config = PlatformConfig.builder()
                .cmrs(platform.orElse("cmrs", RecordedMachine::ranges, List.of(new PhysicalRange(0, CMR_BYTES))))
                .processors(platform.get("num_lps").intValue())
                .packages(platform.get("num_pkgs").intValue());
        if (platform.has("maxpa")) {
            config.option(PlatformConfig.MAX_PA, platform.get("maxpa").number() + "")
                    .option(
                            PlatformConfig.HKID_START_BIT,
                            platform.get("hkid_start_bit").number() + "")
                    .option(
                            PlatformConfig.PRIVATE_HKIDS,
                            platform.get("private_hkid_min").number() + "-"
                                    + platform.get("private_hkid_max").number());
        }
        if (platform.has("options")) {
            platform.get("options").fields().forEach((name, value) -> config.option(name, value.text()));
        }
        return config.build();
    }

    private static List<PhysicalRange> ranges(JsonValue cmrs) {
        return cmrs.items().stream()
                .map(cmr -> new PhysicalRange(
                        cmr.get("base").number(), cmr.get("size").number()))
                .toList();
    }

    private static RecordedMachine opened(JsonValue platform, Function<PlatformConfig, SeamcallPlatform> backend) {
        return new RecordedMachine(backend.apply(config(platform)));
    }

    /** Switches the machine on, up to SYS.LP.INIT. */
    static RecordedMachine initialised(JsonValue platform, Function<PlatformConfig, SeamcallPlatform> backend) {
        RecordedMachine machine = opened(platform, backend);
        SeamcallRegisters regs = new SeamcallRegisters();
        machine.orClose(() -> {
            expectSuccess("SYS.INIT", machine.calls(0).sysInit(regs));
            for (int i = 0; i < machine.platform.processors(); i++) {
                expectSuccess("SYS.LP.INIT", machine.calls(i).sysLpInit(regs));
            }
        });
        return machine;
    }

    /** Switches the machine on and brings its module up as far as the header says. */
    static RecordedMachine bringUp(JsonValue header, Function<PlatformConfig, SeamcallPlatform> backend) {
        if (!header.orElse("bring_up", JsonValue::bool, true)) {
            return opened(header.get("platform"), backend);
        }
        RecordedMachine machine = initialised(header.get("platform"), backend);
        machine.orClose(() -> machine.configureAs(header));
        return machine;
    }

    private void configureAs(JsonValue header) {
        SeamcallRegisters regs = new SeamcallRegisters();
        boolean dynamic = header.get("dynamic_pamt").bool();
        long hkid = header.get("platform").get("global_hkid").number();
        expectSuccess("SYS.CONFIG", configure(regs, header.get("tdmrs"), dynamic, hkid));
        for (int i = 0; i < platform.packages(); i++) {
            expectSuccess("SYS.KEY.CONFIG", calls(firstProcessorOf(i)).sysKeyConfig(regs));
        }
        List<JsonValue> tdmrs = header.get("tdmrs").items();
        JsonValue done = header.find("tdmr_init_calls_done");
        for (int i = 0; i < tdmrs.size(); i++) {
            // Where a recording does not say how far it went, it went all the way.
            long calls = done == null
                    ? tdmrs.get(i).get("size").number() >>> (dynamic ? DYNAMIC_INIT_SHIFT : STATIC_INIT_SHIFT)
                    : done.item(i).number();
            long base = tdmrs.get(i).get("base").number();
            for (long call = 0; call < calls; call++) {
                expectSuccess("SYS.TDMR.INIT", calls(0).sysTdmrInit(regs, base));
            }
        }
    }

    /** Writes TDMR_INFO as a recording lists it and runs SYS.CONFIG. */
    long configure(SeamcallRegisters regs, JsonValue tdmrs, boolean dynamicPamt, long hkid) {
        PhysicalMemory memory = platform.memory();
        for (int i = 0; i < tdmrs.items().size(); i++) {
            JsonValue tdmr = tdmrs.item(i);
            long info = INFO_HPA + i * INFO_STRIDE;
            memory.write64(INFO_ARRAY_HPA + (long) i * Long.BYTES, info);
            memory.write64(info, tdmr.get("base").number());
            memory.write64(info + 8, tdmr.get("size").number());
            writeArea(info + 16, tdmr.has("pamt_1g") ? tdmr.get("pamt_1g") : tdmr.get("p1g"), "base");
            writeArea(info + 32, tdmr.has("pamt_2m") ? tdmr.get("pamt_2m") : tdmr.get("p2m"), "base");
            writeArea(info + 48, tdmr.has("pamt_4k") ? tdmr.get("pamt_4k") : tdmr.get("p4k"), "base");
            JsonValue reserved = tdmr.has("reserved") ? tdmr.get("reserved") : tdmr.get("rsvd");
            for (int j = 0; j < reserved.items().size(); j++) {
                writeArea(info + RESERVED_AREAS_OFFSET + j * 16L, reserved.item(j), "offset");
            }
        }
        long options = hkid | (dynamicPamt ? Seamcalls.SYS_CONFIG_DYNAMIC_PAMT : 0);
        return calls(0).sysConfig(regs, INFO_ARRAY_HPA, tdmrs.items().size(), options);
    }

    private void writeArea(long hpa, JsonValue area, String start) {
        PhysicalMemory memory = platform.memory();
        memory.write64(hpa, (area.isArray() ? area.item(0) : area.get(start)).number());
        memory.write64(hpa + 8, (area.isArray() ? area.item(1) : area.get("size")).number());
    }

    private int firstProcessorOf(int packageIndex) {
        int processor = 0;
        while (platform.packageOf(processor) != packageIndex) {
            processor++;
        }
        return processor;
    }

    /** Writes TD_PARAMS as the recording harness did. */
    void writeTdParams(long attributes, long l2Vms) {
        PhysicalMemory memory = platform.memory();
        memory.write64(TD_PARAMS_HPA, attributes);
        memory.write64(TD_PARAMS_HPA + 8, 3);
        memory.write64(TD_PARAMS_HPA + 16, 4 | l2Vms << 16);
        memory.write64(TD_PARAMS_HPA + 24, 6 | 3 << 3);
        memory.write64(TD_PARAMS_HPA + 40, 40);
    }

    private static void expectSuccess(String leaf, long status) {
        if (TdxStatus.isError(status)) {
            throw new BringUpException(leaf + " gave " + TdxStatus.toString(status));
        }
    }

    private void orClose(Runnable steps) {
        try {
            steps.run();
        } catch (RuntimeException e) {
            platform.close();
            throw e;
        }
    }

    SeamcallPlatform platform() {
        return platform;
    }

    Seamcalls calls(int processor) {
        return new Seamcalls(platform.processor(processor));
    }

    @Override
    public void close() {
        platform.close();
    }
}
