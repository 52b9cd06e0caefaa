package dev.pamt.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** Prints what the figures depend on: the processor, how many there are, and the Java virtual machine. */
public final class Machine {
    private static final Path CPUINFO = Path.of("/proc/cpuinfo");

    private Machine() {}

    public static void main(String[] args) throws IOException {
        System.out.println("processor   " + processor());
        System.out.println("processors  " + Runtime.getRuntime().availableProcessors());
        System.out.println("system      " + System.getProperty("os.name") + " " + System.getProperty("os.version"));
        System.out.println("java        " + System.getProperty("java.vm.name") + " " + Runtime.version());
        System.out.println();
    }

    /** The model's name; a virtual machine may hide it, so its numbers follow. */
    private static String processor() throws IOException {
        Map<String, String> fields = new LinkedHashMap<>();
        if (Files.isReadable(CPUINFO)) {
            for (String line : Files.readAllLines(CPUINFO)) {
                int colon = line.indexOf(':');
                if (colon >= 0) {
                    fields.putIfAbsent(
                            line.substring(0, colon).strip(),
                            line.substring(colon + 1).strip());
                }
            }
        }
        String name = fields.get("model name");
        if (name == null) {
            return System.getProperty("os.arch");
        }
        return name + " (" + fields.get("vendor_id") + ", family " + fields.get("cpu family") + ", model "
                + fields.get("model") + ", stepping " + fields.get("stepping") + ", " + fields.get("cpu MHz") + " MHz)";
    }
}
