package dev.pamt.lab.measure;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Directories that look like {@code /proc} and {@code /sys}, with processes whose pages a test has placed. */
public final class FakeMachine {
    public static final long COMPOUND_HEAD = 1L << 15;
    public static final long COMPOUND_TAIL = 1L << 16;
    public static final long HUGE = 1L << 17;
    public static final long NOPAGE = 1L << 20;
    public static final long THP = 1L << 22;
    public static final long ZERO_PAGE = 1L << 24;
    public static final long RESERVED = 1L << 32;

    private static final long PRESENT = 1L << 63;
    private static final long SWAPPED = 1L << 62;
    private static final int PAGES_PER_REGION = 512;
    private static final int PAGES_PER_GIGABYTE = 1 << 18;

    private final Path root;

    /** A machine with some RAM, all of it 4K pages without flags. */
    public FakeMachine(Path root, long ramBytes) throws IOException {
        this.root = root;
        Files.createDirectories(root.resolve("proc"));
        Files.writeString(root.resolve("proc/meminfo"), "MemTotal:       " + (ramBytes >> 10) + " kB\n");
        setLength(root.resolve("proc/kpageflags"), (ramBytes >> 12) * Long.BYTES);
    }

    public Path root() {
        return root;
    }

    public FakeMachine withoutPageFlags() throws IOException {
        Files.delete(root.resolve("proc/kpageflags"));
        return this;
    }

    public FakeMachine flags(long hpa, long flags) throws IOException {
        write(root.resolve("proc/kpageflags"), hpa >> 12, flags);
        return this;
    }

    /** Makes one folio of 4K pages. */
    public FakeMachine folio(long hpa, int pages, long flags) throws IOException {
        long[] entries = new long[pages];
        for (int i = 0; i < pages; i++) {
            entries[i] = flags | (i == 0 ? COMPOUND_HEAD : COMPOUND_TAIL);
        }
        write(root.resolve("proc/kpageflags"), hpa >> 12, entries);
        return this;
    }

    public FakeMachine thp(long hpa) throws IOException {
        return folio(hpa, PAGES_PER_REGION, THP);
    }

    public FakeMachine hugetlb2M(long hpa) throws IOException {
        return folio(hpa, PAGES_PER_REGION, HUGE);
    }

    public FakeMachine hugetlb1G(long hpa) throws IOException {
        return folio(hpa, PAGES_PER_GIGABYTE, HUGE);
    }

    public FakeMachine kvmVm(long pid, int fd, long pages4K, long pages2M) throws IOException {
        Path directory =
                Files.createDirectories(root.resolve("sys/kernel/debug/kvm").resolve(pid + "-" + fd));
        Files.writeString(directory.resolve("pages_4k"), pages4K + "\n");
        Files.writeString(directory.resolve("pages_2m"), pages2M + "\n");
        Files.writeString(directory.resolve("pages_1g"), "0\n");
        return this;
    }

    public FakeProcess process(long pid, String name) throws IOException {
        Path directory = Files.createDirectories(root.resolve("proc").resolve(Long.toString(pid)));
        Files.writeString(directory.resolve("comm"), name + "\n");
        return new FakeProcess(directory).write();
    }

    private static void setLength(Path file, long bytes) throws IOException {
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength(Math.max(bytes, sparse.length()));
        }
    }

    private static void write(Path file, long entry, long... values) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asLongBuffer().put(values);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE, StandardOpenOption.CREATE)) {
            channel.write(bytes, entry * Long.BYTES);
        }
    }

    /** A process; every change is written at once. */
    public static final class FakeProcess {
        private final Path directory;
        private final List<FakeMapping> mappings = new ArrayList<>();
        private boolean hidden;

        private FakeProcess(Path directory) {
            this.directory = directory;
        }

        /** Pages are present from now on, and where they lie is hidden as from a user without CAP_SYS_ADMIN. */
        public FakeProcess hidden() {
            hidden = true;
            return this;
        }

        /** Starts a mapping; the pages that are added lie in it, one behind the other. */
        public FakeProcess map(long address, long pages) throws IOException {
            mappings.add(new FakeMapping(address, pages));
            setLength(directory.resolve("pagemap"), ((address >> 12) + pages) * Long.BYTES);
            return write();
        }

        public FakeProcess pageBytes(long bytes) throws IOException {
            last().pageBytes = bytes;
            return write();
        }

        /** Some of the 4K pages of the mapping are parts of transparent huge pages. */
        public FakeProcess sumOfThp(long pages) throws IOException {
            last().thp = pages;
            return write();
        }

        /** Pages that lie behind each other. */
        public FakeProcess present(long hpa, int pages) throws IOException {
            long[] entries = new long[pages];
            for (int i = 0; i < pages; i++) {
                entries[i] = PRESENT | (hidden ? 0 : (hpa >> 12) + i);
            }
            FakeMapping mapping = last();
            FakeMachine.write(directory.resolve("pagemap"), mapping.next, entries);
            mapping.next += pages;
            mapping.resident += pages;
            return write();
        }

        /** Pages that the kernel does not count as resident, such as the zero page. */
        public FakeProcess presentUncounted(long hpa, int pages) throws IOException {
            present(hpa, pages);
            last().resident -= pages;
            return write();
        }

        public FakeProcess swapped(int pages) throws IOException {
            long[] entries = new long[pages];
            Arrays.fill(entries, SWAPPED);
            FakeMachine.write(directory.resolve("pagemap"), last().next, entries);
            last().next += pages;
            last().swapped += pages;
            return write();
        }

        public FakeProcess absent(long pages) {
            last().next += pages;
            return this;
        }

        private FakeMapping last() {
            return mappings.get(mappings.size() - 1);
        }

        private FakeProcess write() throws IOException {
            StringBuilder smaps = new StringBuilder();
            long resident = 0;
            long hugetlb = 0;
            for (FakeMapping mapping : mappings) {
                mapping.appendTo(smaps);
                resident += mapping.isHugetlb() ? 0 : mapping.resident;
                hugetlb += mapping.isHugetlb() ? mapping.resident : 0;
            }
            smaps.append("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0          [vsyscall]\nRss:    4 kB\n");
            Files.writeString(directory.resolve("smaps"), smaps);
            setLength(directory.resolve("pagemap"), 0);
            Files.writeString(
                    directory.resolve("status"),
                    "Name:\tx\nVmRSS:\t" + resident * 4 + " kB\nHugetlbPages:\t" + hugetlb * 4 + " kB\n");
            return this;
        }
    }

    private static final class FakeMapping {
        private final long firstPage;
        private final long pages;
        private long next;
        private long resident;
        private long swapped;
        private long thp;
        private long pageBytes = 4096;

        FakeMapping(long address, long pages) {
            firstPage = address >> 12;
            next = firstPage;
            this.pages = pages;
        }

        boolean isHugetlb() {
            return pageBytes > 4096;
        }

        void appendTo(StringBuilder smaps) {
            smaps.append(String.format(
                    "%x-%x rw-p 00000000 00:00 0      [a b]%n", firstPage << 12, (firstPage + pages) << 12));
            smaps.append(String.format("Size:           %d kB%n", pages * 4));
            smaps.append(String.format("KernelPageSize: %d kB%n", pageBytes >> 10));
            smaps.append(String.format("Rss:            %d kB%n", isHugetlb() ? 0 : resident * 4));
            smaps.append(String.format("AnonHugePages:  %d kB%n", thp * 4));
            smaps.append(String.format("Private_Hugetlb: %d kB%n", isHugetlb() ? resident * 4 : 0));
            smaps.append(String.format("Swap:           %d kB%n", swapped * 4));
            smaps.append("VmFlags: rd wr mr mw me ac\n");
        }
    }
}
