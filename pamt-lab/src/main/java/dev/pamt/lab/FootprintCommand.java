package dev.pamt.lab;

import dev.pamt.api.TdxHost;
import dev.pamt.lab.footprint.Footprint;
import dev.pamt.lab.footprint.FootprintMeter;
import dev.pamt.lab.footprint.HostSpan;
import dev.pamt.lab.footprint.ManagerHeap;
import dev.pamt.lab.footprint.MappingSize;
import dev.pamt.lab.footprint.TdShape;
import dev.pamt.lab.host.ControlPages;
import dev.pamt.lab.host.LabHost;
import dev.pamt.lab.report.FootprintTable;
import dev.pamt.lab.report.Text;
import dev.pamt.seamcall.SeamcallProviderFactory;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code ./lab footprint}: how much memory page metadata takes, by the size of guests and hosts. */
@Command(
        name = "footprint",
        description = {
            "Counts the memory of page metadata: of guests by their size and mapping, and of a host's own bookkeeping by where"
                    + " its RAM lies.",
            ""
        },
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        showDefaultValues = false,
        sortOptions = false,
        footer = {
            "",
            "Large guests run on a module that only counts. Exit code 1 if the emulator and that module disagree about a guest"
                    + " of --check."
        })
final class FootprintCommand implements Callable<Integer> {
    private static final long GIB = 1L << 30;
    private static final long TIB = 1L << 40;

    /** 8 bytes for each region and each page of a Secure EPT, and their share of the manager. */
    private static final int HEAP_BYTES_PER_REGION = 48;

    private static final double HEAP_SHARE = 0.6;

    /** Only the emulated host has PAMT areas. They cut a region at each end, and single pages are taken from such first. */
    private static final int PAIRS_OF_CUT_REGIONS = 2;

    private static final List<HostSpan> HOSTS = List.of(
            new HostSpan(256 * GIB, 256 * GIB),
            new HostSpan(256 * GIB, 1L << 48),
            new HostSpan(256 * GIB, 1L << 52),
            new HostSpan(2 * TIB, 2 * TIB),
            new HostSpan(2 * TIB, 1L << 48),
            new HostSpan(2 * TIB, 1L << 52));

    @Spec
    private CommandSpec spec;

    @Option(
            names = "--memory",
            paramLabel = "SIZE",
            split = ",",
            converter = SizeConverter.class,
            description = "Memory of each TD, multiples of 1G (default: 704G,4096G).")
    private List<Long> sizes = new ArrayList<>();

    @Option(names = "--tds", paramLabel = "N", split = ",", description = "How many TDs (default: 1).")
    private List<Integer> tds = new ArrayList<>();

    @Option(names = "--vcpus", paramLabel = "N", defaultValue = "16", description = "vCPUs of each TD (default: 16).")
    private int vcpus;

    @Option(
            names = "--check",
            paramLabel = "SIZE",
            defaultValue = "64G",
            converter = SizeConverter.class,
            description = "The memory of the TD for which the emulator counts, too (default: 64G).")
    private long checkBytes;

    @Option(names = "--no-hosts", description = "Leave the table of hosts out, whose measurement takes some seconds.")
    private boolean noHosts;

    @Override
    public Integer call() throws InterruptedException {
        List<TdShape> shapes = shapes();
        TdShape checked = shape(checkBytes, MappingSize.SIZE_4K);
        SeamcallProviderFactory emulator = SeamcallProviderFactory.named("emulator");
        ControlPages control;
        try (TdxHost host = LabHost.bringUp(emulator, FootprintMeter.memoryFor(1, shape(GIB, MappingSize.SIZE_2M)))) {
            control = ControlPages.of(host);
        }
        FootprintMeter meter = new FootprintMeter(control);
        PrintWriter out = spec.commandLine().getOut();
        out.printf(
                "footprint   TDs with %s each; control pages as TDX module 1.5.25 has them: %s, and %s for each vCPU%n%n",
                Text.count(vcpus, "vCPU"), control.pagesOf(0), control.tdvps());
        Map<MappingSize, List<Footprint>> byMapping = count(meter, shapes);
        List<Footprint> all = new ArrayList<>();
        int rows = byMapping.get(MappingSize.SIZE_4K).size();
        for (int i = 0; i < rows; i++) {
            for (List<Footprint> footprints : byMapping.values()) {
                all.add(footprints.get(i));
            }
        }
        FootprintTable.guests(all).forEach(out::println);
        out.println();
        Map<String, List<Footprint>> used = new LinkedHashMap<>();
        byMapping.forEach((mapping, footprints) -> used.put(mapping.title(), footprints));
        FootprintTable.admission(byMapping.get(MappingSize.SIZE_4K), used).forEach(out::println);
        if (!noHosts) {
            out.println();
            FootprintTable.bookkeeping(HOSTS, heaps()).forEach(out::println);
        }
        List<String> findings = new ArrayList<>(FootprintTable.findings(all));
        findings.addAll(check(meter, emulator, checked));
        findings.forEach(spec.commandLine().getErr()::println);
        return findings.isEmpty() ? ExitCode.OK : Main.EXIT_FINDING;
    }

    private List<TdShape> shapes() {
        List<Long> chosen = sizes.isEmpty() ? List.of(704 * GIB, 4096 * GIB) : sizes;
        List<TdShape> shapes = new ArrayList<>();
        for (long size : chosen) {
            shapes.add(shape(size, MappingSize.SIZE_4K));
        }
        for (int count : counts()) {
            if (count < 1) {
                throw usage("--tds: there is at least 1 TD, not " + count);
            }
            shapes.forEach(shape -> checkHeap(count, shape));
        }
        return shapes;
    }

    private void checkHeap(int count, TdShape shape) {
        try {
            FootprintMeter.memoryFor(count, shape);
        } catch (IllegalArgumentException e) {
            throw usage(e.getMessage());
        }
        long needed = count * shape.regions() * HEAP_BYTES_PER_REGION;
        long heap = Runtime.getRuntime().maxMemory();
        if (needed > heap * HEAP_SHARE) {
            throw usage(String.format(
                    "%s of %s take %s, more than %.0f%% of the Java heap of %s; set a larger one with LAB_JAVA_OPTS=-Xmx...",
                    Text.count(count, "TD"),
                    Text.bytes(shape.memoryBytes()),
                    Text.bytes(needed),
                    100 * HEAP_SHARE,
                    Text.bytes(heap)));
        }
    }

    private List<Integer> counts() {
        return tds.isEmpty() ? List.of(1) : tds;
    }

    private TdShape shape(long bytes, MappingSize mapping) {
        try {
            return new TdShape(bytes, mapping, vcpus);
        } catch (IllegalArgumentException e) {
            throw usage(e.getMessage());
        }
    }

    private Map<MappingSize, List<Footprint>> count(FootprintMeter meter, List<TdShape> shapes) {
        Map<MappingSize, List<Footprint>> byMapping = new LinkedHashMap<>();
        for (MappingSize mapping : MappingSize.values()) {
            List<Footprint> footprints = new ArrayList<>();
            for (TdShape shape : shapes) {
                for (int count : counts()) {
                    footprints.add(meter.count(count, shape(shape.memoryBytes(), mapping)));
                }
            }
            byMapping.put(mapping, footprints);
        }
        return byMapping;
    }

    private static List<ManagerHeap> heaps() throws InterruptedException {
        // What is loaded and compiled on first use belongs to no host.
        ManagerHeap.of(new HostSpan(GIB, GIB).memory());
        List<ManagerHeap> heaps = new ArrayList<>();
        for (HostSpan span : HOSTS) {
            heaps.add(ManagerHeap.of(span.memory()));
        }
        return heaps;
    }

    /** Counts the same guest with the emulator and with the module that only counts. */
    private List<String> check(FootprintMeter meter, SeamcallProviderFactory emulator, TdShape shape) {
        Footprint counted = meter.count(1, shape);
        Footprint emulated = meter.countOn(emulator, 1, shape);
        spec.commandLine()
                .getOut()
                .printf(
                        "%ncheck       a TD of %s mapped as 4K: %s with the emulated module, %s with the one that counts%n",
                        Text.bytes(shape.memoryBytes()),
                        Text.count(emulated.pairs(), "page pair"),
                        Text.count(counted.pairs()));
        boolean agree = counted.guestPairs() == emulated.guestPairs()
                && counted.otherPages() == emulated.otherPages()
                && Math.abs(counted.pairs() - emulated.pairs()) <= PAIRS_OF_CUT_REGIONS
                && counted.leftPairs() == 0
                && emulated.leftPairs() == 0;
        return agree
                ? List.of()
                : List.of("the emulator and the module that counts disagree: " + emulated + " and " + counted);
    }

    private ParameterException usage(String message) {
        return new ParameterException(spec.commandLine(), message);
    }
}
