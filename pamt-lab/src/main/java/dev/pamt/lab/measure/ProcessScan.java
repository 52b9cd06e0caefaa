package dev.pamt.lab.measure;

import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One look at the memory of a process. The process goes on meanwhile, so what it maps during the look may be seen or not.
 *
 * <p><b>Thread-safety:</b> none.
 */
public final class ProcessScan {
    /** Bits of a pagemap entry, from the kernel's {@code Documentation/admin-guide/mm/pagemap.rst}. */
    private static final long PRESENT = 1L << 63;

    private static final long SWAPPED = 1L << 62;
    private static final long PFN_MASK = (1L << 55) - 1;

    /** 512 KiB of pagemap at a time: 256 MiB of addresses. */
    private static final int BLOCKS_PER_READ = 128;

    private static final int PAGES_PER_READ = BLOCKS_PER_READ * Pages.PER_REGION;

    /** In a mapping of more than 64 GiB the look ends when all pages that its sums promise were seen. */
    private static final long LARGE_MAPPING_PAGES = 64 * Pages.PER_GIGABYTE;

    private final long pid;
    private final Entries pagemap;
    private final PageFlags flags;
    private final RunList runs = new RunList();
    private long visible;
    private long hidden;
    private long swapped;
    private long leftOut;
    private long blocks;
    private long lastBlock = -1;
    private long thpPages;
    private long hugetlbPages;
    private long smallPages;

    /** Pages of the mapping at hand. */
    private long occupied;

    private long present;
    private long thpBlocksLeft;

    private ProcessScan(long pid, Entries pagemap, PageFlags flags) {
        this.pid = pid;
        this.pagemap = pagemap;
        this.flags = flags;
    }

    /**
     * Looks at a process.
     *
     * @param proc where processes are
     * @param pid its number
     * @return what could be found out; a kernel thread, and a process that has ended, have no resident memory
     * @throws ProcessEndedException if the process ends meanwhile, or there is none
     * @throws IOException if its files cannot be read for another reason than a missing right
     */
    public static Measurement of(ProcFs proc, long pid) throws IOException {
        try {
            return look(proc, pid);
        } catch (IOException e) {
            if (ProcFs.isGone(e) || !proc.has(pid)) {
                ProcessEndedException ended = new ProcessEndedException(pid);
                ended.initCause(e);
                throw ended;
            }
            throw e;
        }
    }

    private static Measurement look(ProcFs proc, long pid) throws IOException {
        String name = proc.name(pid);
        long resident = proc.residentPages(pid);
        if (resident == 0) {
            // A kernel thread, or a process that has ended and not been waited for: the other files cannot be opened.
            return new Measurement(pid, name, 0, 0, Optional.empty(), Optional.empty(), List.of());
        }
        List<Mapping> mappings;
        Entries pagemap;
        try {
            mappings = proc.mappings(pid);
            pagemap = proc.pagemap(pid, PAGES_PER_READ);
        } catch (IOException e) {
            if (!ProcFs.isDenied(e)) {
                throw e;
            }
            String lack = "/proc/" + pid + "/smaps and /proc/" + pid
                    + "/pagemap may not be read: they need the user of the process, or CAP_SYS_PTRACE";
            return new Measurement(pid, name, 0, resident, Optional.empty(), Optional.empty(), List.of(lack));
        }
        List<String> lacks = new ArrayList<>();
        try (pagemap;
                PageFlags flags = openFlags(proc, lacks)) {
            ProcessScan scan = new ProcessScan(pid, pagemap, flags);
            for (Mapping mapping : mappings) {
                scan.lookAt(mapping);
            }
            return scan.result(name, mappings.size(), resident, lacks);
        }
    }

    /** The flags of pages; null, and a reason, if they cannot be read. */
    private static PageFlags openFlags(ProcFs proc, List<String> lacks) throws IOException {
        try {
            return new PageFlags(proc.kpageflags());
        } catch (NoSuchFileException e) {
            lacks.add("/proc/kpageflags does not exist: the kernel has no CONFIG_PROC_PAGE_MONITOR");
        } catch (IOException e) {
            if (!ProcFs.isDenied(e)) {
                throw e;
            }
            lacks.add("/proc/kpageflags may not be read: it needs root, or CAP_DAC_READ_SEARCH");
        }
        return null;
    }

    private Measurement result(String name, int mappings, long resident, List<String> lacks) {
        if (visible == 0 && hidden > 0) {
            lacks.add(0, "/proc/" + pid + "/pagemap hides physical addresses: it needs CAP_SYS_ADMIN");
            AddressUse use = new AddressUse(
                    smallPages,
                    thpPages,
                    hugetlbPages,
                    Math.max(0, blocks - thpPages / Pages.PER_REGION),
                    swapped,
                    leftOut);
            return new Measurement(pid, name, mappings, resident, Optional.empty(), Optional.of(use), lacks);
        }
        String readFrom = flags == null ? "pagemap and smaps" : "pagemap and kpageflags";
        String taken = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
        Placement placement = Placement.distinct(
                runs, again -> new Origin(name + " (pid " + pid + ")", taken, readFrom, swapped, leftOut + again));
        return new Measurement(pid, name, mappings, resident, Optional.of(placement), Optional.empty(), lacks);
    }

    private void lookAt(Mapping mapping) throws IOException {
        if (mapping.occupiedPages() == 0) {
            // Most of a sparse address space: reserved, and nothing in it.
            return;
        }
        occupied = 0;
        present = 0;
        thpBlocksLeft = mapping.thpPages() / Pages.PER_REGION;
        long page = mapping.startPage();
        while (page < mapping.endPage() && !isComplete(mapping)) {
            long end = Math.min(mapping.endPage(), (Pages.regionOf(page) + BLOCKS_PER_READ) << Pages.REGION_SHIFT);
            int count = pagemap.read(page, (int) (end - page));
            if (count == 0) {
                throw new ProcessEndedException(pid);
            }
            lookAt(mapping, page, count);
            page += count;
        }
        sumUp(mapping);
    }

    private boolean isComplete(Mapping mapping) {
        return mapping.pages() > LARGE_MAPPING_PAGES && hidden == 0 && occupied >= mapping.occupiedPages();
    }

    /** Looks at the entries of a window, block by block of 2M of addresses. */
    private void lookAt(Mapping mapping, long firstPage, int count) throws IOException {
        int index = 0;
        while (index < count) {
            int length = Math.min(count - index, Pages.PER_REGION - Pages.indexOf(firstPage + index));
            lookAtBlock(mapping, firstPage + index, index, length);
            index += length;
        }
    }

    private void lookAtBlock(Mapping mapping, long addressPage, int index, int length) throws IOException {
        int presentHere = 0;
        int hiddenHere = 0;
        for (int i = index; i < index + length; i++) {
            long entry = pagemap.get(i);
            if ((entry & PRESENT) != 0) {
                presentHere++;
                hiddenHere += pfn(entry) == 0 ? 1 : 0;
            } else if ((entry & SWAPPED) != 0) {
                swapped++;
                occupied++;
            }
        }
        if (presentHere == 0) {
            return;
        }
        present += presentHere;
        hidden += hiddenHere;
        visible += presentHere - hiddenHere;
        if (!mapping.isHugetlb() && Pages.regionOf(addressPage) != lastBlock) {
            lastBlock = Pages.regionOf(addressPage);
            blocks++;
        }
        if (hiddenHere < presentHere) {
            place(mapping, index, length, presentHere == Pages.PER_REGION && hiddenHere == 0);
        }
    }

    /** Adds the visible pages of a block. */
    private void place(Mapping mapping, int index, int length, boolean allPresent) throws IOException {
        long first = pfn(pagemap.get(index));
        Backing large = allPresent && isConsecutive(first, index, length) ? largeBacking(mapping, first) : null;
        if (large != null) {
            runs.add(first, Pages.PER_REGION, large);
            occupied += Pages.PER_REGION;
            return;
        }
        int kept = 0;
        for (int i = index; i < index + length; i++) {
            kept += isKept(pagemap.get(i)) ? 1 : 0;
        }
        Backing small = kept == Pages.PER_REGION ? Backing.SMALL_WHOLE : Backing.SMALL;
        for (int i = index; i < index + length; i++) {
            long entry = pagemap.get(i);
            if (isKept(entry)) {
                runs.add(pfn(entry), 1, small);
            } else if ((entry & PRESENT) != 0) {
                leftOut++;
            }
        }
        occupied += kept;
    }

    private boolean isConsecutive(long first, int index, int length) {
        if (Pages.indexOf(first) != 0) {
            return false;
        }
        for (int i = 1; i < length; i++) {
            if (pfn(pagemap.get(index + i)) != first + i) {
                return false;
            }
        }
        return true;
    }

    /** The huge page that a region is which is mapped as a whole; null if it is 4K pages. */
    private Backing largeBacking(Mapping mapping, long firstPfn) throws IOException {
        if (flags != null) {
            return flags.of(Pages.regionOf(firstPfn)).folio();
        }
        if (mapping.isHugetlb()) {
            return mapping.pageBytes() > Pages.bytes(Pages.PER_REGION) ? Backing.HUGETLB_1G : Backing.HUGETLB_2M;
        }
        return thpBlocksLeft-- > 0 ? Backing.THP_2M : null;
    }

    /** Whether an entry is a page that is memory of the process. */
    private boolean isKept(long entry) throws IOException {
        long pfn = pfn(entry);
        if ((entry & PRESENT) == 0 || pfn < Pages.FIRST || pfn >= Pages.END) {
            return false;
        }
        return flags == null || !flags.of(Pages.regionOf(pfn)).leavesOut(pfn);
    }

    /** Counts what is known of a mapping without physical addresses. */
    private void sumUp(Mapping mapping) {
        if (mapping.isHugetlb()) {
            hugetlbPages += present;
            return;
        }
        thpPages += mapping.thpPages();
        smallPages += Math.max(0, Math.min(present, mapping.residentPages()) - mapping.thpPages());
        if (hidden > 0) {
            // The kernel counts neither the zero page nor devices as resident.
            leftOut += Math.max(0, present - mapping.residentPages());
        }
    }

    private static long pfn(long entry) {
        return entry & PFN_MASK;
    }
}
