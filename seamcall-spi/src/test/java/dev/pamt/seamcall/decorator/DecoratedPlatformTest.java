package dev.pamt.seamcall.decorator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.harness.ModuleInspection;
import java.util.List;
import org.junit.jupiter.api.Test;

class DecoratedPlatformTest {
    private final StubPlatform machine = new StubPlatform((rax, regs) -> 100);

    /** Adds the number of the processor, and one more, to every status. */
    private final SeamcallDecorator adding =
            (backend, processor) -> (rax, regs) -> backend.seamcall(rax, regs) + processor + 1;

    private final SeamcallPlatform decorated = adding.decorate(machine);

    @Test
    void everyProcessorIsWrappedAsTheOneItIs() {
        assertEquals(2, decorated.processors());
        assertEquals(101, decorated.processor(0).seamcall(0, new SeamcallRegisters()));
        assertEquals(102, decorated.processor(1).seamcall(0, new SeamcallRegisters()));
    }

    @Test
    void allElseIsThatOfTheMachine() {
        assertEquals(2, decorated.packages());
        assertEquals(0, decorated.packageOf(0));
        assertEquals(1, decorated.packageOf(1));
        assertEquals(32, decorated.firstPrivateHkid());
        assertEquals(31, decorated.privateHkids());
        assertSame(
                machine.inspection, decorated.extension(ModuleInspection.class).orElseThrow());
        decorated.memory().write64(0x1000, 7);
        assertEquals(List.of("0x1000=0x7"), machine.hostWrites);
    }

    /** Adds a number to every address that is written. */
    private static SeamcallDecorator moving(long offset) {
        return new SeamcallDecorator() {
            @Override
            public SeamcallProvider decorate(SeamcallProvider backend, int processor) {
                return backend;
            }

            @Override
            public PhysicalMemory decorate(PhysicalMemory memory) {
                return new PhysicalMemory() {
                    @Override
                    public long read64(long hpa) {
                        return memory.read64(hpa);
                    }

                    @Override
                    public void write64(long hpa, long value) {
                        memory.write64(hpa + offset, value);
                    }

                    @Override
                    public void clearPage(long hpa) {
                        memory.clearPage(hpa);
                    }
                };
            }
        };
    }

    @Test
    void itsMemoryIsWrappedToo() {
        moving(0x10).decorate(machine).memory().write64(0x1000, 7);
        moving(0x10).inside(moving(0x20)).decorate(machine).memory().write64(0x1000, 7);
        moving(0x10).inside(moving(0x20)).decorate(machine.memory()).write64(0x1000, 7);
        assertEquals(List.of("0x1010=0x7", "0x1030=0x7", "0x1030=0x7"), machine.hostWrites);
    }

    @Test
    void closingItClosesTheMachine() {
        decorated.close();
        assertEquals(1, machine.closed);
        adding.inside(adding).decorate(machine).close();
        assertEquals(2, machine.closed);
    }
}
