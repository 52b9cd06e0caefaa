package dev.pamt.lab.measure;

import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads {@code /proc/PID/smaps}.
 *
 * <p><b>Thread-safety:</b> none.
 */
final class Smaps {
    private static final Pattern RANGE = Pattern.compile("([0-9a-f]{1,16})-([0-9a-f]{1,16}) .*");
    private static final Pattern SUM = Pattern.compile("(\\w+): +(\\d{1,15}) kB");
    private static final int KIB_PER_PAGE = 4;

    private final List<Mapping> mappings = new ArrayList<>();
    private boolean inMapping;
    private long startPage;
    private long endPage;
    private long resident;
    private long swapped;
    private long thp;
    private long hugetlb;
    private long pageBytes;

    private Smaps() {}

    /** The mappings of user space, in ascending order. */
    static List<Mapping> read(BufferedReader lines) throws IOException {
        Smaps smaps = new Smaps();
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            smaps.readLine(line);
        }
        smaps.endMapping();
        return smaps.mappings;
    }

    private void readLine(String line) {
        Matcher range = RANGE.matcher(line);
        if (range.matches()) {
            endMapping();
            long start = Long.parseUnsignedLong(range.group(1), 16);
            // The vsyscall page lies in the kernel's half of the address space and has no place in pagemap.
            inMapping = start >= 0;
            startPage = start >> Pages.SHIFT;
            endPage = Long.parseUnsignedLong(range.group(2), 16) >> Pages.SHIFT;
            return;
        }
        Matcher sum = SUM.matcher(line);
        if (sum.matches()) {
            readSum(sum.group(1), Long.parseLong(sum.group(2)));
        }
    }

    private void readSum(String name, long kib) {
        switch (name) {
            case "Rss" -> resident += kib / KIB_PER_PAGE;
            case "Swap" -> swapped += kib / KIB_PER_PAGE;
            case "AnonHugePages", "ShmemPmdMapped", "FilePmdMapped" -> thp += kib / KIB_PER_PAGE;
            case "Private_Hugetlb", "Shared_Hugetlb" -> hugetlb += kib / KIB_PER_PAGE;
            case "KernelPageSize" -> pageBytes = kib << 10;
            default -> {
                // The other sums say nothing about the places of pages.
            }
        }
    }

    private void endMapping() {
        if (inMapping) {
            mappings.add(new Mapping(startPage, endPage, resident, swapped, thp, hugetlb, pageBytes));
        }
        inMapping = false;
        resident = 0;
        swapped = 0;
        thp = 0;
        hugetlb = 0;
        pageBytes = 1L << Pages.SHIFT;
    }
}
