package dev.pamt.seamcall.emulator.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.conformance.Conformance;
import dev.pamt.seamcall.conformance.Recording;
import dev.pamt.seamcall.decorator.SeamcallDecorator;
import dev.pamt.seamcall.emulator.EmulatorFactory;
import dev.pamt.seamcall.harness.ModuleInspection;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * A TD counts its Secure EPT pages, those of its L2 VMs too. No leaf returns the count but a reclaim of the TD's root page, so
 * it is read beside the calls of a recording.
 */
class ChildPagesTest {
    private static final Set<SeamcallLeaf> SEPT_PAGES = EnumSet.of(
            SeamcallLeaf.MEM_SEPT_ADD,
            SeamcallLeaf.MEM_SEPT_REMOVE,
            SeamcallLeaf.MEM_PAGE_DEMOTE,
            SeamcallLeaf.MEM_PAGE_PROMOTE);
    private static final long PAGE = -4096;

    private final List<String> counted = new ArrayList<>();

    private SeamcallPlatform open(PlatformConfig config) {
        SeamcallPlatform machine = new EmulatorFactory().open(config);
        ModuleInspection inspection = machine.extension(ModuleInspection.class).orElseThrow();
        SeamcallDecorator counting = (backend, processor) -> (rax, regs) -> {
            SeamcallLeaf leaf = SeamcallLeaf.of(rax);
            long tdr = regs.rdx & PAGE;
            long before = inspection.childPages(tdr);
            long status = backend.seamcall(rax, regs);
            if (SEPT_PAGES.contains(leaf) && status == 0) {
                counted.add(String.format("%s %+d", leaf, inspection.childPages(tdr) - before));
            }
            return status;
        };
        return counting.decorate(machine);
    }

    @Test
    void everySeptPageOfATdWithAnL2VmIsCounted() {
        assertTrue(
                Conformance.of(this::open).replay(Recording.shipped("td_05_l2")).passed());
        assertEquals(
                List.of(
                        "TDH.MEM.SEPT.ADD +2",
                        "TDH.MEM.SEPT.ADD +2",
                        "TDH.MEM.SEPT.ADD +2",
                        "TDH.MEM.SEPT.ADD +1",
                        "TDH.MEM.SEPT.ADD +1",
                        "TDH.MEM.SEPT.REMOVE -2",
                        "TDH.MEM.SEPT.REMOVE -2",
                        "TDH.MEM.SEPT.ADD +2",
                        "TDH.MEM.SEPT.REMOVE -2",
                        "TDH.MEM.SEPT.ADD +2",
                        "TDH.MEM.SEPT.REMOVE -2",
                        "TDH.MEM.PAGE.DEMOTE +2",
                        "TDH.MEM.PAGE.PROMOTE -2",
                        "TDH.MEM.PAGE.DEMOTE +1",
                        "TDH.MEM.PAGE.PROMOTE -1"),
                counted);
    }
}
