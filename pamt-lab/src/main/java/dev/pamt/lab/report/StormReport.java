package dev.pamt.lab.report;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.pamt.api.MemoryMap;
import dev.pamt.api.PamtStats;
import dev.pamt.lab.storm.Spread;
import dev.pamt.lab.storm.StormPlan;
import dev.pamt.lab.storm.StormResult;
import dev.pamt.lab.storm.StormRounds;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.SeamcallLeaf;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A storm and its results as JSON. Names are those of the table and of {@link PamtStats}; sizes are bytes, times
 * nanoseconds, addresses hexadecimal text.
 *
 * <p>Immutable and thread-safe.
 *
 * @param labVersion the version of the program
 * @param backend the SEAMCALL backend
 * @param latency what SEAMCALLs cost on it
 * @param plan how large the storm was
 * @param memory the memory map
 * @param memorySource where it comes from
 * @param memoryInstead why it is not the one that was asked for; empty if it is
 * @param host what the host looked like after bring-up
 * @param strategies the results
 */
public record StormReport(
        String labVersion,
        String backend,
        String latency,
        StormPlan plan,
        MemoryMap memory,
        String memorySource,
        String memoryInstead,
        HostFacts host,
        List<StormRounds> strategies) {
    /**
     * Writes the report. A reader of the file finds the old one or all of the new one.
     *
     * @param file where to write
     * @throws IOException if that fails
     */
    public void write(Path file) throws IOException {
        JsonFile.write(file, labVersion, this::write);
    }

    private void write(JsonGenerator json) throws IOException {
        json.writeNumberField("processors", Runtime.getRuntime().availableProcessors());
        json.writeStringField("backend", backend);
        json.writeStringField("latency", latency);
        json.writeNumberField("tds", plan.tds());
        json.writeNumberField("memoryBytes", plan.memoryBytes());
        json.writeNumberField("vcpus", plan.vcpus());
        json.writeNumberField("seed", plan.seed());
        json.writeStringField("backing", plan.backing().name());
        json.writeBooleanField("guests", plan.guests());
        json.writeObjectFieldStart("memoryMap");
        json.writeStringField("source", memorySource);
        if (!memoryInstead.isEmpty()) {
            json.writeStringField("usedBecause", memoryInstead);
        }
        json.writeNumberField("ramBytes", memory.ramBytes());
        writeRanges(json, "ram", memory.ram());
        writeRanges(json, "cmrs", memory.cmrs());
        json.writeEndObject();
        json.writeObjectFieldStart("host");
        json.writeBooleanField("dynamicPamt", host.dynamicPamt());
        json.writeNumberField("tdmrs", host.tdmrs());
        json.writeNumberField("tdmrBytes", host.tdmrBytes());
        json.writeNumberField("pamtBytes", host.pamtBytes());
        json.writeNumberField("staticPamtBytes", host.staticPamtBytes());
        json.writeNumberField("freePages", host.freePages());
        json.writeEndObject();
        json.writeArrayFieldStart("strategies");
        for (StormRounds rounds : strategies) {
            writeRounds(json, rounds);
        }
        json.writeEndArray();
    }

    private static void writeRanges(JsonGenerator json, String name, List<PhysicalRange> ranges) throws IOException {
        json.writeArrayFieldStart(name);
        for (PhysicalRange range : ranges) {
            json.writeStartObject();
            json.writeStringField("baseHpa", "0x" + Long.toHexString(range.baseHpa()));
            json.writeNumberField("bytes", range.bytes());
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void writeRounds(JsonGenerator json, StormRounds rounds) throws IOException {
        json.writeStartObject();
        json.writeStringField("strategy", rounds.strategy());
        writeSpread(json, "faultPagesPerSecond", rounds.faultPagesPerSecond());
        writeSpread(json, "shutdownPagesPerSecond", rounds.shutdownPagesPerSecond());
        writeSpread(json, "cpuNanosPerPage", rounds.cpuNanosPerPage());
        json.writeNumberField("leaks", rounds.leaks());
        json.writeArrayFieldStart("rounds");
        for (StormResult result : rounds.results()) {
            writeResult(json, result);
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private static void writeSpread(JsonGenerator json, String name, Spread spread) throws IOException {
        json.writeObjectFieldStart(name);
        json.writeNumberField("median", spread.median());
        json.writeNumberField("least", spread.least());
        json.writeNumberField("most", spread.most());
        json.writeEndObject();
    }

    private static void writeResult(JsonGenerator json, StormResult result) throws IOException {
        json.writeStartObject();
        json.writeNumberField("guestPages", result.guestPages());
        json.writeNumberField("faultNanos", result.faultNanos());
        json.writeNumberField("faultPagesPerSecond", result.faultPagesPerSecond());
        json.writeNumberField("shutdownNanos", result.shutdownNanos());
        json.writeNumberField("shutdownPagesPerSecond", result.shutdownPagesPerSecond());
        json.writeNumberField("cpuNanos", result.cpuNanos());
        json.writeObjectFieldStart("stats");
        for (Method group : accessors(PamtStats.class)) {
            json.writeObjectFieldStart(group.getName());
            for (Method number : accessors(group.getReturnType())) {
                json.writeNumberField(number.getName(), (long) invoke(number, invoke(group, result.stats())));
            }
            json.writeEndObject();
        }
        json.writeEndObject();
        json.writeObjectFieldStart("calls");
        for (Map.Entry<SeamcallLeaf, Long> leaf : new TreeMap<>(result.calls().byLeaf()).entrySet()) {
            json.writeNumberField(leaf.getKey().toString(), leaf.getValue());
        }
        json.writeEndObject();
        json.writeNumberField("busy", result.calls().busy());
        json.writeNumberField("missingPair", result.calls().missingPair());
        json.writeNumberField("mapped4K", result.calls().mapped4K());
        json.writeNumberField("mapped2M", result.calls().mapped2M());
        json.writeNumberField("accepted", result.calls().accepted());
        json.writeNumberField("leakedPairs", result.leakedPairs());
        json.writeNumberField("leakedPages", result.leakedPages());
        json.writeStringField("failure", result.failure());
        json.writeEndObject();
    }

    /** The accessors of a group by name: every number of the statistics is written, those that later versions add as well. */
    private static List<Method> accessors(Class<?> group) {
        return Arrays.stream(group.getMethods())
                .sorted(Comparator.comparing(Method::getName))
                .toList();
    }

    private static Object invoke(Method accessor, Object target) {
        try {
            return accessor.invoke(target);
        } catch (IllegalAccessException | InvocationTargetException e) {
            throw new IllegalStateException("PamtStats is public and its accessors throw nothing", e);
        }
    }
}
