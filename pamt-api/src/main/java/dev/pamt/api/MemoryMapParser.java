package dev.pamt.api;

import dev.pamt.seamcall.PhysicalRange;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads what Linux writes about memory, see {@link MemoryMap#parse}. One use, one thread. */
final class MemoryMapParser {
    private static final String E820 = "BIOS-e820:";
    private static final String CMR = "virt/tdx: CMR:";

    private static final Pattern E820_LINE =
            Pattern.compile(E820 + "\\s*\\[mem 0x(?<first>\\p{XDigit}+)-0x(?<last>\\p{XDigit}+)]\\s*(?<type>\\S.*)");
    private static final Pattern CMR_LINE =
            Pattern.compile(CMR + "\\s*\\[0x(?<start>\\p{XDigit}+),\\s*0x(?<end>\\p{XDigit}+)\\)");
    private static final Pattern IOMEM_LINE =
            Pattern.compile("(?<indent>\\s*)(?<first>\\p{XDigit}+)-(?<last>\\p{XDigit}+) : (?<what>.*)");

    private final List<String> lines;
    private final String source;

    MemoryMapParser(List<String> lines, String source) {
        this.lines = List.copyOf(lines);
        this.source = source;
    }

    MemoryMap parse() {
        boolean bootLog = lines.stream().anyMatch(line -> line.contains(E820) || line.contains(CMR));
        boolean iomem = lines.stream().anyMatch(line -> IOMEM_LINE.matcher(line).matches());
        if (!bootLog && !iomem) {
            throw new IllegalArgumentException(source + ": none of its " + lines.size()
                    + " lines is one of /proc/iomem (\"<first>-<last> : System RAM\") or of a boot log (\"" + E820
                    + "\", \"" + CMR + "\")");
        }
        try {
            return bootLog ? bootLog() : iomem();
        } catch (IllegalArgumentException e) {
            throw e.getMessage().startsWith(source)
                    ? e
                    : new IllegalArgumentException(source + ": " + e.getMessage(), e);
        }
    }

    private MemoryMap bootLog() {
        List<PhysicalRange> usable = new ArrayList<>();
        List<PhysicalRange> cmrs = new ArrayList<>();
        long mentionedEnd = 0;
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i);
            if (line.contains(E820)) {
                Matcher matcher = E820_LINE.matcher(line);
                if (!matcher.find()) {
                    throw unreadable(i, E820 + " [mem 0x<first>-0x<last>] <type>");
                }
                PhysicalRange range = range(i, address(i, matcher, "first"), address(i, matcher, "last") + 1);
                mentionedEnd = Math.max(mentionedEnd, range.endHpa());
                if (isRam(matcher.group("type").strip())) {
                    usable.add(range);
                }
            } else if (line.contains(CMR)) {
                Matcher matcher = CMR_LINE.matcher(line);
                if (!matcher.find()) {
                    throw unreadable(i, CMR + " [0x<start>, 0x<end>)");
                }
                cmrs.add(range(i, address(i, matcher, "start"), address(i, matcher, "end")));
            }
        }
        if (cmrs.isEmpty()) {
            return MemoryMap.of(usable);
        }
        List<PhysicalRange> ram = new ArrayList<>(usable);
        for (PhysicalRange cmr : cmrs) {
            if (cmr.baseHpa() >= mentionedEnd) {
                ram.add(cmr);
            }
        }
        return MemoryMap.of(ram, cmrs);
    }

    private static boolean isRam(String type) {
        return type.equals("usable") || type.equals("System RAM");
    }

    private MemoryMap iomem() {
        List<PhysicalRange> ram = new ArrayList<>();
        boolean hidden = false;
        for (int i = 0; i < lines.size(); i++) {
            if (lines.get(i).isBlank()) {
                continue;
            }
            Matcher matcher = IOMEM_LINE.matcher(lines.get(i));
            if (!matcher.matches()) {
                throw unreadable(i, "<first>-<last> : <what>, as /proc/iomem has it");
            }
            // Indented lines are parts of the range above them: kernel code inside System RAM, for one.
            if (matcher.group("indent").isEmpty()
                    && matcher.group("what").strip().equals("System RAM")) {
                long first = address(i, matcher, "first");
                long last = address(i, matcher, "last");
                if (first == 0 && last == 0) {
                    hidden = true;
                } else {
                    ram.add(range(i, first, last + 1));
                }
            }
        }
        if (hidden && ram.isEmpty()) {
            throw new IllegalArgumentException(source
                    + ": all addresses are 0, which is what Linux shows to a reader without CAP_SYS_ADMIN;"
                    + " /proc/iomem has to be read as root");
        }
        if (ram.isEmpty()) {
            throw new IllegalArgumentException(source + ": no line that is not indented says \"System RAM\"");
        }
        return MemoryMap.of(ram);
    }

    private long address(int index, Matcher matcher, String group) {
        String digits = matcher.group(group);
        try {
            return Long.parseLong(digits, 16);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(where(index) + ": 0x" + digits + " is no address below 2^52", e);
        }
    }

    private PhysicalRange range(int index, long start, long end) {
        try {
            return PhysicalRange.between(start, end);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(where(index) + ": " + e.getMessage(), e);
        }
    }

    private IllegalArgumentException unreadable(int index, String form) {
        return new IllegalArgumentException(
                where(index) + ": \"" + lines.get(index).strip() + "\" is not of the form \"" + form + "\"");
    }

    private String where(int index) {
        return source + ", line " + (index + 1);
    }
}
