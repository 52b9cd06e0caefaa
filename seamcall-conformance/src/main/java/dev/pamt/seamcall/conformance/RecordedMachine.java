package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.io.IOException;
import java.util.List;
import java.util.function.Function;

/**
 * The machine that a recording was made on, as a backend makes it, brought up through real calls.
 */
final class RecordedMachine implements AutoCloseable {
    /** What recordings without a header were made on, where their lines do not say otherwise. */
    private static final String DEFAULT_PLATFORM = "{\"maxpa\": 46, \"hkid_start_bit\": 40, \"private_hkid_min\": 32,"
            + " \"private_hkid_max\": 63, \"num_lps\": 1, \"num_pkgs\": 1}";

    private static final int CMR_BITS = 40;
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

    /** The platform of a line that has a machine of its own. */
    static JsonValue platformOf(JsonValue line) {
        try {
            JsonValue usual = JsonValue.parse(DEFAULT_PLATFORM);
            return line.orElse("platform", platform -> platform.orFieldsOf(usual), usual);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static PlatformConfig config(JsonValue platform) {
        PlatformConfig.Builder config = PlatformConfig.builder()
                .cmrs(platform.orElse("cmrs", RecordedMachine::ranges, usualCmrs(platform)))
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

    /** As much memory as the recordings were made with, or all below the key id if that begins lower. */
    private static List<PhysicalRange> usualCmrs(JsonValue platform) {
        int bits = Math.min(CMR_BITS, platform.orElse("hkid_start_bit", JsonValue::intValue, CMR_BITS));
        return List.of(new PhysicalRange(0, 1L << bits));
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
        JsonValue tdmrList = header.get("tdmrs");
        writeTdmrInfo(tdmrList);
        regs.set(sysConfigInputs(tdmrList, configOptions(header.get("platform"), dynamic)));
        long status = platform.processor(0).seamcall(SeamcallLeaf.SYS_CONFIG.rax(), regs);
        long recorded = header.orElse("sys_config_status", JsonValue::number, TdxStatus.SUCCESS.code());
        if (status != recorded) {
            throw new BringUpException(
                    "SYS.CONFIG gave " + TdxStatus.toString(status) + ", recorded is " + TdxStatus.toString(recorded));
        }
        if (TdxStatus.isError(recorded)) {
            // The calls of the recording are made to a module that waits for another SYS.CONFIG.
            return;
        }
        for (int i = 0; i < platform.packages(); i++) {
            expectSuccess("SYS.KEY.CONFIG", calls(firstProcessorOf(i)).sysKeyConfig(regs));
        }
        List<JsonValue> tdmrs = tdmrList.items();
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

    /** What a SYS.CONFIG gets in R8 that says nothing of it. */
    private static long configOptions(JsonValue platform, boolean dynamicPamt) {
        long hkid = platform.orElse(
                "global_hkid",
                JsonValue::number,
                platform.get("private_hkid_min").number());
        return hkid | (dynamicPamt ? Seamcalls.SYS_CONFIG_DYNAMIC_PAMT : 0);
    }

    private static SeamcallRegisters sysConfigInputs(JsonValue tdmrs, long options) {
        SeamcallRegisters regs = new SeamcallRegisters();
        regs.rcx = INFO_ARRAY_HPA;
        regs.rdx = tdmrs.items().size();
        regs.r8 = options;
        return regs;
    }

    /** Writes the TDMR_INFO of a line that is a SYS.CONFIG; its inputs are those that it lists, or else the usual ones. */
    SeamcallRegisters prepareSysConfig(JsonValue line) {
        writeTdmrInfo(line.get("tdmrs"));
        JsonValue in = line.find("in");
        boolean hasOptions = in != null && in.has("r8");
        long options = hasOptions
                ? in.get("r8").number()
                : configOptions(platformOf(line), line.get("dynamic").bool());
        SeamcallRegisters regs = sysConfigInputs(line.get("tdmrs"), options);
        if (in != null) {
            for (TdxOperand register : SeamcallRegisters.OPERANDS) {
                regs.set(register, in.orElse(Registers.name(register), JsonValue::number, regs.get(register)));
            }
        }
        return regs;
    }

    private void writeTdmrInfo(JsonValue tdmrs) {
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
