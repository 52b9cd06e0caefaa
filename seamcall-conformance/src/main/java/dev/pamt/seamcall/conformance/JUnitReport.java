package dev.pamt.seamcall.conformance;

import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.xml.stream.XMLOutputFactory;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamWriter;

/**
 * Results as JUnit XML, which CI systems show: a test case for each recording, or for each race.
 *
 * <p>Stateless and thread-safe.
 */
public final class JUnitReport {
    /** At most so many differences of a recording are written out, so that a report can still be opened. */
    private static final int MAX_DIFFERENCES = 1000;

    private JUnitReport() {}

    /** A test case: its text is what failed, what was skipped, or null. */
    private record Case(String name, String failure, int failures, String skipped, String output) {}

    /**
     * Writes the results of call sequences.
     *
     * @param file the file to write
     * @param backend the name of the backend
     * @param results one for each recording
     * @throws IOException if the file cannot be written
     */
    public static void write(Path file, String backend, List<ReplayResult> results) throws IOException {
        writeCases(
                file,
                "conformance." + backend,
                results.stream().map(JUnitReport::of).toList());
    }

    /**
     * Writes the results of races.
     *
     * @param file the file to write
     * @param backend the name of the backend
     * @param results one for each race
     * @throws IOException if the file cannot be written
     */
    public static void writeLitmus(Path file, String backend, List<Litmus.Result> results) throws IOException {
        writeCases(
                file, "litmus." + backend, results.stream().map(JUnitReport::of).toList());
    }

    private static Case of(ReplayResult result) {
        List<Difference> shown =
                result.differences().stream().limit(MAX_DIFFERENCES).toList();
        List<String> skips = result.skips().stream()
                .map(skip -> skip.lines() + " lines from line " + skip.firstLine() + ": " + skip.reason())
                .toList();
        return new Case(
                result.file(),
                shown.isEmpty() ? null : lines(shown),
                result.differences().size(),
                result.skipped() ? String.join("; ", skips) : null,
                lines(skips));
    }

    private static Case of(Litmus.Result result) {
        return new Case(
                result.name(),
                result.passed() ? null : lines(List.copyOf(result.outside().keySet())),
                result.outside().size(),
                null,
                "");
    }

    private static String lines(List<?> items) {
        StringBuilder text = new StringBuilder();
        items.forEach(item -> text.append(item).append(System.lineSeparator()));
        return text.toString();
    }

    private static void writeCases(Path file, String suite, List<Case> cases) throws IOException {
        try (Writer out = Files.newBufferedWriter(file, StandardCharsets.UTF_8)) {
            XMLStreamWriter xml = XMLOutputFactory.newFactory().createXMLStreamWriter(out);
            xml.writeStartDocument("UTF-8", "1.0");
            xml.writeCharacters("\n");
            xml.writeStartElement("testsuite");
            xml.writeAttribute("name", suite);
            xml.writeAttribute("tests", cases.size() + "");
            xml.writeAttribute(
                    "failures",
                    cases.stream().filter(one -> one.failure != null).count() + "");
            xml.writeAttribute("errors", "0");
            xml.writeAttribute(
                    "skipped", cases.stream().filter(one -> one.skipped != null).count() + "");
            for (Case one : cases) {
                writeCase(xml, suite, one);
            }
            xml.writeCharacters("\n");
            xml.writeEndDocument();
            xml.close();
            out.write(System.lineSeparator());
        } catch (XMLStreamException e) {
            throw new IOException("cannot write " + file + ": " + e.getMessage(), e);
        }
    }

    private static void writeCase(XMLStreamWriter xml, String suite, Case one) throws XMLStreamException {
        xml.writeCharacters("\n  ");
        xml.writeStartElement("testcase");
        xml.writeAttribute("classname", suite);
        xml.writeAttribute("name", one.name);
        if (one.failure != null) {
            xml.writeStartElement("failure");
            xml.writeAttribute("message", one.failures + " differences");
            xml.writeCharacters(one.failure);
            xml.writeEndElement();
        } else if (one.skipped != null) {
            xml.writeStartElement("skipped");
            xml.writeAttribute("message", one.skipped);
            xml.writeEndElement();
        }
        if (!one.output.isEmpty()) {
            xml.writeStartElement("system-out");
            xml.writeCharacters(one.output);
            xml.writeEndElement();
        }
        xml.writeEndElement();
    }
}
