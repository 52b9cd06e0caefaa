package dev.pamt.lab.measure;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The parts of {@code /proc} and {@code /sys} that say where the memory of processes lies.
 *
 * <p>Immutable and thread-safe.
 */
public final class ProcFs {
    private static final Pattern KIB = Pattern.compile("\\w+:\\s+(\\d{1,15}) kB");
    private static final String KVM_VM = "anon_inode:kvm-vm";

    /** A command name is cut to this length by the kernel. */
    private static final int COMM_LENGTH = 15;

    private final Path proc;
    private final Path kvmDebug;

    /**
     * Looks at a tree.
     *
     * @param root the directory that has {@code proc} and {@code sys}; {@code /} for this machine
     */
    public ProcFs(Path root) {
        proc = root.resolve("proc");
        kvmDebug = root.resolve("sys/kernel/debug/kvm");
    }

    /**
     * Whether there is a process.
     *
     * @param pid its number
     * @return true if there is
     */
    public boolean has(long pid) {
        return Files.isDirectory(process(pid));
    }

    /**
     * The name of a process.
     *
     * @param pid its number
     * @return what the kernel calls it, at most 15 characters
     * @throws IOException if there is no such process
     */
    public String name(long pid) throws IOException {
        return Files.readString(process(pid).resolve("comm"), StandardCharsets.ISO_8859_1)
                .strip();
    }

    /**
     * Finds processes by the name of their program.
     *
     * @param name the name; the kernel knows its first 15 characters
     * @return their numbers in ascending order
     * @throws IOException if {@code /proc} cannot be listed
     */
    public List<Long> named(String name) throws IOException {
        String comm = name.length() > COMM_LENGTH ? name.substring(0, COMM_LENGTH) : name;
        List<Long> found = new ArrayList<>();
        for (Path process : list(proc, "[0-9]*")) {
            String directory = process.getFileName().toString();
            if (directory.matches("\\d{1,18}") && comm.equals(nameOrEmpty(Long.parseLong(directory)))) {
                found.add(Long.parseLong(directory));
            }
        }
        Collections.sort(found);
        return found;
    }

    private String nameOrEmpty(long pid) {
        try {
            return name(pid);
        } catch (IOException e) {
            return "";
        }
    }

    /**
     * The resident memory of a process, which every user may know.
     *
     * @param pid its number
     * @return 4K pages, hugetlb pages among them
     * @throws IOException if there is no such process
     */
    public long residentPages(long pid) throws IOException {
        List<String> status = lines(process(pid).resolve("status"));
        return Pages.ofKib(kib(status, "VmRSS:") + kib(status, "HugetlbPages:"));
    }

    /**
     * The RAM of the machine.
     *
     * @return 4K pages; 0 if it is not known
     */
    public long ramPages() {
        try {
            return Pages.ofKib(kib(lines(proc.resolve("meminfo")), "MemTotal:"));
        } catch (IOException e) {
            return 0;
        }
    }

    private static List<String> lines(Path file) throws IOException {
        return Files.readAllLines(file, StandardCharsets.ISO_8859_1);
    }

    private static long kib(List<String> lines, String key) {
        for (String line : lines) {
            Matcher value = KIB.matcher(line);
            if (line.startsWith(key) && value.matches()) {
                return Long.parseLong(value.group(1));
            }
        }
        return 0;
    }

    /**
     * The VMs of a process.
     *
     * @param pid its number
     * @return a VM for each directory of the process under {@code /sys/kernel/debug/kvm}; none if that cannot be read
     */
    public List<KvmVm> kvmVms(long pid) {
        List<KvmVm> vms = new ArrayList<>();
        try {
            for (Path directory : list(kvmDebug, pid + "-*")) {
                String fd = directory.getFileName().toString().substring((pid + "-").length());
                if (fd.matches("\\d{1,9}")) {
                    vms.add(new KvmVm(
                            Integer.parseInt(fd),
                            counter(directory, "pages_4k"),
                            counter(directory, "pages_2m"),
                            counter(directory, "pages_1g")));
                }
            }
        } catch (IOException e) {
            return List.of();
        }
        return vms;
    }

    private static List<Path> list(Path directory, String glob) throws IOException {
        List<Path> entries = new ArrayList<>();
        try (DirectoryStream<Path> stream = Files.newDirectoryStream(directory, glob)) {
            stream.forEach(entries::add);
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        Collections.sort(entries);
        return entries;
    }

    private static long counter(Path directory, String name) throws IOException {
        String text = Files.readString(directory.resolve(name), StandardCharsets.ISO_8859_1)
                .strip();
        if (!text.matches("\\d{1,18}")) {
            throw new IOException(directory.resolve(name) + ": a counter is a whole number, not '" + text + "'");
        }
        return Long.parseLong(text);
    }

    /**
     * Whether a process has a VM of KVM open, as far as its file descriptors may be read.
     *
     * @param pid its number
     * @return true if it has one for certain
     */
    public boolean hasVm(long pid) {
        try {
            for (Path descriptor : list(process(pid).resolve("fd"), "*")) {
                if (Files.isSymbolicLink(descriptor)
                        && Files.readSymbolicLink(descriptor).toString().equals(KVM_VM)) {
                    return true;
                }
            }
        } catch (IOException e) {
            return false;
        }
        return false;
    }

    List<Mapping> mappings(long pid) throws IOException {
        try (BufferedReader lines =
                Files.newBufferedReader(process(pid).resolve("smaps"), StandardCharsets.ISO_8859_1)) {
            return Smaps.read(lines);
        }
    }

    Entries pagemap(long pid, int mostEntries) throws IOException {
        return Entries.open(process(pid).resolve("pagemap"), mostEntries);
    }

    Entries kpageflags() throws IOException {
        return Entries.open(proc.resolve("kpageflags"), RegionFlags.ENTRIES);
    }

    /** Whether an access failed for want of a right. */
    static boolean isDenied(IOException failure) {
        return failure instanceof AccessDeniedException || hasReason(failure, "Operation not permitted");
    }

    /** Whether an access failed because the process has ended; its directory may be there for a moment longer. */
    static boolean isGone(IOException failure) {
        return failure instanceof NoSuchFileException || hasReason(failure, "No such process");
    }

    private static boolean hasReason(IOException failure, String reason) {
        return failure instanceof FileSystemException named
                ? reason.equals(named.getReason())
                : reason.equals(failure.getMessage());
    }

    private Path process(long pid) {
        return proc.resolve(Long.toString(pid));
    }
}
