package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.conformance.Line.SysConfig;
import dev.pamt.seamcall.conformance.Line.TdParams;
import java.util.List;
import java.util.function.Function;

/**
 * The machine that a recording was made on, as a backend makes it, brought up through real calls.
 */
final class RecordedMachine implements AutoCloseable {
    private static final long INFO_ARRAY_HPA = 0x1000;
    private static final long INFO_HPA = 0x10000;
    private static final long INFO_STRIDE = 0x1000;
    private static final int RESERVED_AREAS_OFFSET = 64;
    private static final long TD_PARAMS_HPA = 0x130000;

    private final SeamcallPlatform platform;

    private RecordedMachine(SeamcallPlatform platform) {
        this.platform = platform;
    }

    private static RecordedMachine opened(
            RecordedPlatform platform, Function<PlatformConfig, SeamcallPlatform> backend) {
        return new RecordedMachine(backend.apply(platform.config()));
    }

    /** Switches the machine on, up to SYS.LP.INIT. */
    static RecordedMachine initialised(RecordedPlatform platform, Function<PlatformConfig, SeamcallPlatform> backend) {
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
    static RecordedMachine bringUp(Header header, Function<PlatformConfig, SeamcallPlatform> backend) {
        if (header.bringUp() == null) {
            return opened(header.platform(), backend);
        }
        RecordedMachine machine = initialised(header.platform(), backend);
        machine.orClose(() -> machine.configureAs(header.bringUp()));
        return machine;
    }

    private void configureAs(Header.BringUp bringUp) {
        SeamcallRegisters regs = prepareSysConfig(bringUp.tdmrs(), bringUp.options());
        long status = platform.processor(0).seamcall(SeamcallLeaf.SYS_CONFIG.rax(), regs);
        long recorded = bringUp.sysConfigStatus();
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
        for (int i = 0; i < bringUp.tdmrs().size(); i++) {
            long baseHpa = bringUp.tdmrs().get(i).baseHpa();
            for (long call = 0; call < bringUp.initCalls().get(i); call++) {
                expectSuccess("SYS.TDMR.INIT", calls(0).sysTdmrInit(regs, baseHpa));
            }
        }
    }

    /** Writes the TDMR_INFO of a SYS.CONFIG; its inputs are those that it lists, or else the usual ones. */
    SeamcallRegisters prepareSysConfig(SysConfig config) {
        SeamcallRegisters regs = prepareSysConfig(config.tdmrs(), config.options());
        config.in().into(regs);
        return regs;
    }

    /** Writes TDMR_INFO; returns the inputs of a SYS.CONFIG of these TDMRs. */
    private SeamcallRegisters prepareSysConfig(List<RecordedTdmr> tdmrs, long options) {
        PhysicalMemory memory = platform.memory();
        for (int i = 0; i < tdmrs.size(); i++) {
            RecordedTdmr tdmr = tdmrs.get(i);
            long info = INFO_HPA + i * INFO_STRIDE;
            memory.write64(INFO_ARRAY_HPA + (long) i * Long.BYTES, info);
            memory.write64(info, tdmr.baseHpa());
            memory.write64(info + 8, tdmr.bytes());
            writeArea(info + 16, tdmr.pamt1g());
            writeArea(info + 32, tdmr.pamt2m());
            writeArea(info + 48, tdmr.pamt4k());
            for (int j = 0; j < tdmr.reserved().size(); j++) {
                writeArea(
                        info + RESERVED_AREAS_OFFSET + j * 16L, tdmr.reserved().get(j));
            }
        }
        SeamcallRegisters regs = new SeamcallRegisters();
        regs.rcx = INFO_ARRAY_HPA;
        regs.rdx = tdmrs.size();
        regs.r8 = options;
        return regs;
    }

    private void writeArea(long hpa, RecordedTdmr.Area area) {
        platform.memory().write64(hpa, area.start());
        platform.memory().write64(hpa + 8, area.bytes());
    }

    private int firstProcessorOf(int packageIndex) {
        int processor = 0;
        while (platform.packageOf(processor) != packageIndex) {
            processor++;
        }
        return processor;
    }

    /** Writes TD_PARAMS as the recording harness did. */
    void writeTdParams(TdParams params) {
        PhysicalMemory memory = platform.memory();
        memory.write64(TD_PARAMS_HPA, params.attributes());
        memory.write64(TD_PARAMS_HPA + 8, 3);
        memory.write64(TD_PARAMS_HPA + 16, 4 | params.l2Vms() << 16);
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
