package dev.pamt.lab.report;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.pamt.lab.measure.AddressUse;
import dev.pamt.lab.measure.Backing;
import dev.pamt.lab.measure.KvmVm;
import dev.pamt.lab.measure.Measurement;
import dev.pamt.lab.measure.Origin;
import dev.pamt.lab.measure.PamtFormula;
import dev.pamt.lab.measure.Placement;
import dev.pamt.lab.measure.RegionUse;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * Looks at a process as JSON. Pages are 4K pages, sizes bytes, times nanoseconds.
 *
 * <p>Immutable and thread-safe.
 *
 * @param labVersion the version of the program
 * @param ramPages the RAM of the machine in 4K pages; 0 if it is not known
 * @param samples the looks, in the order in which they were taken
 */
public record MeasureReport(String labVersion, long ramPages, List<Sample> samples) {
    private static final int PAGES_PER_REGION = 512;

    /**
     * Copies the list.
     *
     * @param labVersion the version of the program
     * @param ramPages the RAM of the machine in 4K pages; 0 if it is not known
     * @param samples the looks, in the order in which they were taken
     */
    public MeasureReport {
        samples = List.copyOf(samples);
    }

    /**
     * One look.
     *
     * @param nanos the time since the first look
     * @param measurement what was found
     * @param vms the VMs of the process
     */
    public record Sample(long nanos, Measurement measurement, List<KvmVm> vms) {}

    /**
     * Writes the report. A reader of the file finds the old one or all of the new one.
     *
     * @param file where to write
     * @throws IOException if that fails
     */
    public void write(Path file) throws IOException {
        JsonFile.write(file, labVersion, json -> {
            json.writeNumberField("ramPages", ramPages);
            json.writeArrayFieldStart("samples");
            for (Sample sample : samples) {
                write(json, sample);
            }
            json.writeEndArray();
        });
    }

    private static void write(JsonGenerator json, Sample sample) throws IOException {
        Measurement measurement = sample.measurement();
        json.writeStartObject();
        json.writeNumberField("nanos", sample.nanos());
        json.writeNumberField("pid", measurement.pid());
        json.writeStringField("name", measurement.name());
        json.writeNumberField("mappings", measurement.mappings());
        json.writeNumberField("residentPages", measurement.residentPages());
        json.writeArrayFieldStart("lacks");
        for (String lack : measurement.lacks()) {
            json.writeString(lack);
        }
        json.writeEndArray();
        json.writeArrayFieldStart("vms");
        for (KvmVm vm : sample.vms()) {
            json.writeStartObject();
            json.writeNumberField("fd", vm.fd());
            json.writeNumberField("pages4K", vm.pages4K());
            json.writeNumberField("pages2M", vm.pages2M());
            json.writeNumberField("pages1G", vm.pages1G());
            json.writeEndObject();
        }
        json.writeEndArray();
        if (measurement.placement().isPresent()) {
            write(json, measurement.placement().get());
        }
        if (measurement.addresses().isPresent()) {
            write(json, measurement.addresses().get());
        }
        json.writeEndObject();
    }

    private static void write(JsonGenerator json, Placement placement) throws IOException {
        Origin origin = placement.origin();
        RegionUse use = placement.use();
        json.writeObjectFieldStart("placement");
        json.writeStringField("process", origin.process());
        json.writeStringField("taken", origin.taken());
        json.writeStringField("readFrom", origin.readFrom());
        json.writeNumberField("swappedPages", origin.swappedPages());
        json.writeNumberField("leftOutPages", origin.leftOutPages());
        json.writeObjectFieldStart("pages");
        for (Backing backing : Backing.values()) {
            json.writeNumberField(backing.word(), use.pages(backing));
        }
        json.writeEndObject();
        json.writeNumberField("totalPages", use.totalPages());
        json.writeNumberField("largeRegions", use.largeRegions());
        json.writeNumberField("pairs", use.pairs());
        json.writeNumberField("pairBytes", RegionUse.pairBytes(use.pairs()));
        json.writeNumberField("fewestPairs", use.fewestPairs());
        json.writeNumberField("pairsWithHugePages", use.pairsWithHugePages());
        json.writeNumberField("fewestPairsWithHugePages", use.fewestPairsWithHugePages());
        json.writeNumberField("staticBytes", PamtFormula.staticBytes(use.totalPages()));
        json.writeArrayFieldStart("regionsByPages");
        for (int pages = 1; pages <= PAGES_PER_REGION; pages++) {
            long regions = use.regionsWith(pages, pages);
            if (regions > 0) {
                json.writeStartObject();
                json.writeNumberField("pages", pages);
                json.writeNumberField("regions", regions);
                json.writeEndObject();
            }
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private static void write(JsonGenerator json, AddressUse use) throws IOException {
        json.writeObjectFieldStart("addresses");
        json.writeNumberField("smallPages", use.smallPages());
        json.writeNumberField("thpPages", use.thpPages());
        json.writeNumberField("hugetlbPages", use.hugetlbPages());
        json.writeNumberField("smallBlocks", use.smallBlocks());
        json.writeNumberField("swappedPages", use.swappedPages());
        json.writeNumberField("leftOutPages", use.leftOutPages());
        json.writeNumberField("totalPages", use.totalPages());
        json.writeNumberField("fewestPairs", use.fewestPairs());
        json.writeNumberField("staticBytes", PamtFormula.staticBytes(use.totalPages()));
        json.writeEndObject();
    }
}
