package dev.pamt.lab.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcFsTest {
    @TempDir
    private Path root;

    private FakeMachine machine;
    private ProcFs proc;

    @BeforeEach
    void aMachine() throws IOException {
        machine = new FakeMachine(root, 1L << 30);
        proc = new ProcFs(root);
    }

    @Test
    void processesAreFoundByTheNameThatTheKernelHasCut() throws IOException {
        machine.process(7, "qemu-system-x86");
        machine.process(5, "qemu-system-x86");
        machine.process(6, "qemu");
        Files.createDirectories(root.resolve("proc/9bus"));
        assertEquals(List.of(5L, 7L), proc.named("qemu-system-x86_64"));
        assertEquals(List.of(6L), proc.named("qemu"));
        assertEquals(List.of(), proc.named("firecracker"));
        assertTrue(proc.has(5));
        assertFalse(proc.has(8));
    }

    @Test
    void residentMemoryHasHugetlbPagesInIt() throws IOException {
        machine.process(7, "x")
                .map(1L << 40, 8)
                .present(1L << 24, 3)
                .map(1L << 41, 512)
                .pageBytes(2L << 20)
                .present(1L << 25, 512);
        assertEquals(515, proc.residentPages(7));
        assertEquals(1 << 18, proc.ramPages());
    }

    @Test
    void theCountersOfKvmAreThoseOfTheProcess() throws IOException {
        machine.kvmVm(7, 12, 1000, 20).kvmVm(7, 14, 1, 0).kvmVm(77, 3, 5, 5);
        assertEquals(List.of(new KvmVm(12, 1000, 20, 0), new KvmVm(14, 1, 0, 0)), proc.kvmVms(7));
        assertEquals(List.of(), proc.kvmVms(8));
    }

    @Test
    void aDescriptorSaysWhetherThereIsAVm() throws IOException {
        machine.process(7, "qemu");
        assertFalse(proc.hasVm(7));
        Path descriptors = Files.createDirectories(root.resolve("proc/7/fd"));
        Files.createSymbolicLink(descriptors.resolve("3"), Path.of("/dev/null"));
        assertFalse(proc.hasVm(7));
        Files.createSymbolicLink(descriptors.resolve("12"), Path.of("anon_inode:kvm-vm"));
        assertTrue(proc.hasVm(7));
    }

    @Test
    void whatIsNotKnownIsZeroOrAnError() throws IOException {
        Files.delete(root.resolve("proc/meminfo"));
        assertEquals(0, proc.ramPages());
        assertThrows(NoSuchFileException.class, () -> proc.name(7));
    }

    @Test
    void bothErrorsOfAProcessThatHasEndedAreUnderstood() {
        assertTrue(ProcFs.isGone(new NoSuchFileException("/proc/7/comm")));
        assertTrue(ProcFs.isGone(new FileSystemException("/proc/7/pagemap", null, "No such process")));
        assertTrue(ProcFs.isGone(new IOException("No such process")), "what a read says");
        assertFalse(ProcFs.isGone(new AccessDeniedException("/proc/7/pagemap")));
    }

    @Test
    void bothErrorsOfAMissingRightAreUnderstood() {
        assertTrue(ProcFs.isDenied(new AccessDeniedException("/proc/7/smaps")));
        assertTrue(ProcFs.isDenied(new FileSystemException("/proc/7/smaps", null, "Operation not permitted")));
        assertFalse(ProcFs.isDenied(new FileSystemException("/proc/7/smaps", null, "No such process")));
    }
}
