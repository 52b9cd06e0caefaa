package dev.pamt.lab;

import dev.pamt.api.SeamcallFailedException;
import dev.pamt.api.TdxHost;
import dev.pamt.lab.host.FragmentedHost;
import dev.pamt.lab.host.LabHost;
import dev.pamt.lab.host.LeafCounts;
import dev.pamt.lab.io.WholeFile;
import dev.pamt.lab.policy.PamtPolicies;
import dev.pamt.lab.report.HostFacts;
import dev.pamt.lab.report.Text;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.decorator.SeamcallDecorator;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToLongFunction;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options of every experiment that runs TDs on a host, and the hosts that they ask for. */
final class HostOptions {
    /** What the real module needs on average for one ADD and one REMOVE, in nanoseconds (Linux, v5 series, 2026). */
    private static final String AVERAGE_LATENCY = "PHYMEM_PAMT_ADD=4000,PHYMEM_PAMT_REMOVE=2000";

    private static final String EMULATOR = "emulator";

    /** The TDs that the emulated platform has keys for as it comes: 32 private ones, of which the module takes one. */
    private static final int TDS_WITH_FEW_KEYS = 31;

    /** Address bits below the key id on a platform with many keys; more if the memory needs them. */
    private static final int FEWEST_ADDRESS_BITS = 40;

    /** Stands between a host and its module, and does nothing. */
    static final SeamcallDecorator NOTHING = (provider, processor) -> provider;

    /** What a SEAMCALL costs on the emulator. */
    enum Latency {
        /** Nothing but the work itself. */
        NONE,
        /** What the real module needs on average, for ADD and REMOVE. */
        AVERAGE,
        /** Times drawn for each call as they were measured on the real module. */
        MEASURED;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec;

    @Option(
            names = "--memory-map",
            paramLabel = "MAP",
            description = {
                "The RAM of the emulated host:",
                "  host: /proc/iomem of this machine, needs root; the default on Linux",
                "  synthetic: 32 GiB with a hole below 4 GiB; synthetic:SIZE for another size",
                "  server:NAME: of a real server: tdx-1tb, tdx-256gb-many-holes, server-768gb",
                "  FILE: a saved /proc/iomem, or a boot log with BIOS-e820 or virt/tdx: CMR lines",
                "What cannot be read is replaced by the synthetic map."
            })
    private String memoryMap;

    @Option(
            names = "--latency",
            paramLabel = "none|average|measured",
            defaultValue = "average",
            description = {
                "What SEAMCALLs cost on the emulator:",
                "  average: 4 us for an ADD, 2 us for a REMOVE, the averages of the real module (default)",
                "  measured: drawn for each call, as measured on the real module",
                "  none: nothing but the work itself"
            })
    private Latency latency;

    @Option(
            names = "--fragmented",
            paramLabel = "PERCENT",
            defaultValue = "0",
            description =
                    "How much of the host's memory it cannot give in 2M chunks, as after a long time without reboot (default: 0).")
    private int fragmentedPercent;

    @Option(
            names = "--backend",
            paramLabel = "NAME",
            defaultValue = EMULATOR,
            description = {"The SEAMCALL backend (default: emulator)."})
    private String backend;

    @Option(
            names = "--backend-option",
            paramLabel = "NAME=VALUE",
            description = "An option of the backend, as its documentation has it; may be given more than once.")
    private Map<String, String> backendOptions = new LinkedHashMap<>();

    /** Where an experiment runs; lacks says what there is too little of. */
    record Candidate(LabMemory memory, HostFacts facts, String lacks) {}

    /** A host that was brought up, and what counts the calls of its platform. */
    record CountedHost(TdxHost host, LeafCounts leaves) implements AutoCloseable {
        @Override
        public void close() {
            host.close();
        }
    }

    String backend() {
        return backend;
    }

    String latency() {
        return latency.toString();
    }

    int fragmentedPercent() {
        return fragmentedPercent;
    }

    ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }

    /** Checks what can be checked before anything runs. */
    void check() {
        if (fragmentedPercent < 0 || fragmentedPercent > 100) {
            throw usage("--fragmented is a percentage, 0 to 100, not " + fragmentedPercent);
        }
        factory();
    }

    /** Checks a file that results are to be written to; null if there is none. */
    void checkJson(Path json) {
        if (json != null && !WholeFile.isPossible(json)) {
            throw usage("--json " + json + ": a file in a directory that can be written to is needed");
        }
    }

    /** The name of a policy as {@link PamtPolicies#names} has it. */
    String policy(String given) {
        try {
            return PamtPolicies.canonical(given);
        } catch (IllegalArgumentException e) {
            throw usage("--policy: " + e.getMessage());
        }
    }

    SeamcallProviderFactory factory() {
        try {
            return SeamcallProviderFactory.named(backend);
        } catch (IllegalArgumentException e) {
            throw usage("--backend " + backend + ": " + e.getMessage());
        }
    }

    /**
     * Finds the memory map to use: one on which a host comes up and has room.
     *
     * @param tds how many TDs run at the same time
     * @param pagesNeeded how many pages they need at most on a host
     * @param who what needs the room, for the message
     */
    Candidate hostWithRoom(int tds, int vcpus, ToLongFunction<TdxHost> pagesNeeded, String who) {
        boolean isDefault = memoryMap == null;
        Candidate host = candidate(tds, vcpus, pagesNeeded, who, isDefault ? LabMemory.ofDefault() : chosenMemory());
        if (!host.lacks.isEmpty() && isDefault) {
            host = candidate(tds, vcpus, pagesNeeded, who, LabMemory.synthetic(host.lacks));
        }
        if (!host.lacks.isEmpty()) {
            throw usage(host.lacks + "; use fewer --tds, less --memory or another --memory-map");
        }
        return host;
    }

    private LabMemory chosenMemory() {
        try {
            return LabMemory.of(memoryMap);
        } catch (IllegalArgumentException e) {
            throw usage("--memory-map: " + e.getMessage());
        }
    }

    private Candidate candidate(int tds, int vcpus, ToLongFunction<TdxHost> pagesNeeded, String who, LabMemory memory) {
        try (CountedHost counted = bringUp(memory, tds, vcpus, true, NOTHING)) {
            TdxHost host = counted.host;
            HostFacts facts = HostFacts.of(host);
            int mostTds = LabHost.mostTds(host);
            if (tds > mostTds) {
                return new Candidate(
                        memory,
                        facts,
                        String.format(
                                "%s need a key each; a host with memory map %s has keys for %d",
                                Text.count(tds, "TD"), memory.source(), mostTds));
            }
            long needed = pagesNeeded.applyAsLong(host);
            String lacks = needed <= facts.freePages()
                    ? ""
                    : String.format(
                            "%s need up to %s with their control pages and page pairs; memory map %s has %s free",
                            who, pages(needed), memory.source(), pages(facts.freePages()));
            return new Candidate(memory, facts, lacks);
        }
    }

    private static String pages(long pages) {
        return Text.bytes(pages << 12);
    }

    /**
     * Brings a host up.
     *
     * @param memory its memory
     * @param tds how many TDs need a key
     * @param vcpus how many vCPUs run at the same time, each on a logical processor of its own where the backend has so many
     * @param dynamic whether Dynamic PAMT is used if the module has it
     * @param decorator what stands between the host and the module
     */
    CountedHost bringUp(LabMemory memory, int tds, int vcpus, boolean dynamic, SeamcallDecorator decorator) {
        SeamcallProviderFactory factory = factory();
        boolean emulated = factory.name().equals(EMULATOR);
        int processors = Runtime.getRuntime().availableProcessors();
        PlatformConfig.Builder config = PlatformConfig.builder()
                .cmrs(memory.map().cmrs())
                .processors(emulated ? Math.max(processors, vcpus) : processors);
        if (emulated && latency != Latency.NONE) {
            config.option("latency-ns", latency == Latency.AVERAGE ? AVERAGE_LATENCY : latency.toString());
        }
        if (emulated && tds > TDS_WITH_FEW_KEYS) {
            long endHpa = memory.map().endHpa();
            int memoryBits = Long.SIZE - Long.numberOfLeadingZeros(endHpa - 1);
            config.option("max-pa", Integer.toString(PhysicalRange.ADDRESS_BITS));
            config.option("hkid-start-bit", Integer.toString(Math.max(memoryBits, FEWEST_ADDRESS_BITS)));
        }
        backendOptions.forEach(config::option);
        LeafCounts leaves = new LeafCounts();
        SeamcallPlatform platform;
        try {
            platform = leaves.inside(decorator).decorate(factory.open(config.build()));
        } catch (IllegalArgumentException e) {
            throw usage("backend " + backend + " cannot be a host with memory map " + memory.source() + ": "
                    + e.getMessage());
        }
        try {
            TdxHost host = LabHost.bringUp(platform, memory.map(), dynamic);
            return new CountedHost(fragmentedPercent == 0 ? host : new FragmentedHost(host, fragmentedPercent), leaves);
        } catch (IllegalArgumentException | SeamcallFailedException e) {
            throw usage("a host with memory map " + memory.source() + " does not come up: " + e.getMessage());
        }
    }

    /** Says on what an experiment runs. */
    void describe(PrintWriter out, Candidate host) {
        out.println("memory map  " + host.memory.describe());
        if (!host.memory.instead().isEmpty()) {
            out.println("            because " + host.memory.instead());
        }
        String fragmented =
                fragmentedPercent == 0 ? "" : "; " + fragmentedPercent + " % of it cannot be given in 2M chunks";
        out.println("host        " + host.facts.describe() + fragmented);
        out.println("backend     " + backend + ": " + factory().description() + "; latency " + latency);
    }
}
