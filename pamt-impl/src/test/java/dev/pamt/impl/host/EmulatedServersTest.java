package dev.pamt.impl.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.Tdmr;
import dev.pamt.api.TdxHost;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Bring-up against the emulated module, which checks all that the real one checks. */
class EmulatedServersTest {
    private static final long GIB = 1L << 30;

    @ParameterizedTest
    @CsvSource({
        "tdx-1tb,              5, 1024, 4202516, 40980",
        "tdx-256gb-many-holes, 5,  256, 1050644, 10260",
        "server-768gb,         9,  768, 3151908, 30756",
    })
    void realServersComeUp(String server, int tdmrs, long gib, long staticKb, long dynamicKb) {
        MemoryMap map = Servers.map(server);
        try (TdxHost host = HostBringUp.bringUp(emulator(map, Map.of()), map, false)) {
            assertFalse(host.dynamicPamt());
            assertEquals(tdmrs, host.tdmrs().size());
            assertEquals(
                    gib * GIB,
                    host.tdmrs().stream()
                            .mapToLong(tdmr -> tdmr.range().bytes())
                            .sum());
            assertEquals(staticKb * 1024, host.pamtBytes());
        }
        try (TdxHost host = HostBringUp.bringUp(emulator(map, Map.of()), map, true)) {
            assertTrue(host.dynamicPamt());
            assertEquals(tdmrs, host.tdmrs().size());
            assertEquals(dynamicKb * 1024, host.pamtBytes());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {Servers.TDX_1TB, Servers.TDX_256GB_MANY_HOLES, Servers.SERVER_768GB})
    void pagesOfTheAllocatorCanBeUsedForTdx(String server) {
        MemoryMap map = Servers.map(server);
        try (TdxHost host = HostBringUp.bringUp(emulator(map, Map.of()), map, true)) {
            PageAllocator allocator = host.allocator();
            Seamcalls calls = new Seamcalls(host.platform().processor(0));
            SeamcallRegisters regs = new SeamcallRegisters();
            long region = allocator.allocChunk();
            long donor = allocator.allocChunk();
            assertEquals(0, calls.pamtAdd(regs.clear(), region, donor, donor + PageAllocator.PAGE_BYTES));
            assertEquals(0, calls.pamtRemove(regs.clear(), region));
            // The last block of the highest TDMR is initialised, too; its PAMT is reserved.
            Tdmr last = host.tdmrs().get(host.tdmrs().size() - 1);
            assertEquals(
                    0,
                    calls.pageRdmd(
                            regs.clear(), PageLevel.SIZE_2M.encode(last.range().endHpa() - (2L << 20))));
            assertEquals(
                    TdxStatus.PAGE_NOT_FREE.with(TdxOperand.R8),
                    calls.pamtAdd(regs.clear(), region, donor, last.pamt2M().baseHpa()));
        }
    }

    @Test
    void aModuleWithoutDynamicPamtComesUpWithStaticPamt() {
        MemoryMap map = MemoryMap.synthetic();
        try (TdxHost host = HostBringUp.bringUp(emulator(map, Map.of("dynamic-pamt", "false")), map, true)) {
            assertFalse(host.dynamicPamt());
            assertEquals(32 * 4104 * 1024 + 2 * 4096, host.pamtBytes());
        }
    }

    @Test
    void aMachineWhoseMemoryLeavesTheKeyIdTooFewBitsComesUpWithStaticPamt() {
        MemoryMap map = MemoryMap.of(
                List.of(PhysicalRange.between(0, 8 * GIB), PhysicalRange.between((1L << 49) - GIB, 1L << 49)));
        comesUpWithStaticPamt(map, Map.of(), "needs 4 key id bits, and memory up to 0x2000000000000 leaves 3");
    }

    @ParameterizedTest
    @CsvSource({"52, 49", "51, 49", "52, 50"})
    void aMachineWhoseKeyIdBeginsTooHighComesUpWithStaticPamt(String maxPa, String hkidStartBit) {
        comesUpWithStaticPamt(
                MemoryMap.synthetic(),
                Map.of(PlatformConfig.MAX_PA, maxPa, PlatformConfig.HKID_START_BIT, hkidStartBit),
                "answered TDX_OPERAND_INVALID");
    }

    @Test
    void aMachineWhoseKeyIdBeginsAtTheLastBitThatWillDoComesUpWithDynamicPamt() {
        MemoryMap map = MemoryMap.of(
                List.of(PhysicalRange.between(0, 8 * GIB), PhysicalRange.between((1L << 48) - GIB, 1L << 48)));
        try (TdxHost host = HostBringUp.bringUp(emulator(map, Map.of()), map, true)) {
            assertTrue(host.dynamicPamt());
        }
    }

    /** The pages of the host can be used without pairs, and the global key is the one that was configured. */
    private static void comesUpWithStaticPamt(MemoryMap map, Map<String, String> options, String why) {
        SeamcallPlatform platform = emulator(map, options);
        List<String> log = Log.of(() -> {
            TdxHost host = HostBringUp.bringUp(platform, map, true);
            assertFalse(host.dynamicPamt());
            assertTrue(host.tdmrs().stream()
                    .allMatch(tdmr -> tdmr.pamt4K().bytes() == tdmr.range().bytes() / 4096 * 16));
            Seamcalls calls = new Seamcalls(platform.processor(0));
            long page = host.allocator().allocPage();
            assertEquals(0, calls.mngCreate(new SeamcallRegisters(), page, platform.firstPrivateHkid() + 1));
        });
        platform.close();
        assertEquals(
                1,
                log.stream()
                        .filter(line -> line.contains("static PAMT is used"))
                        .count(),
                log::toString);
        assertTrue(log.get(0).contains(why), log::toString);
    }

    @Test
    void aModuleShortOfEntropyComesUp() {
        MemoryMap map = MemoryMap.synthetic();
        try (TdxHost host = HostBringUp.bringUp(emulator(map, Map.of("entropy-failures", "1/2@7")), map, true)) {
            assertNotEquals(PageAllocator.NONE, host.allocator().allocPage());
        }
    }

    @Test
    void randomMemoryMapsComeUp() {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        for (int round = 0; round < 20; round++) {
            MemoryMap map = RandomMaps.next(random);
            try (TdxHost host = HostBringUp.bringUp(emulator(map, Map.of()), map, random.nextBoolean())) {
                assertTrue(host.freePages() > 0);
            } catch (RuntimeException e) {
                throw new AssertionError("seed " + seed + ", round " + round + ", " + map, e);
            }
        }
    }

    private static SeamcallPlatform emulator(MemoryMap map, Map<String, String> options) {
        PlatformConfig.Builder config =
                PlatformConfig.builder().cmrs(map.cmrs()).processors(4).packages(2);
        options.forEach(config::option);
        return SeamcallProviderFactory.named("emulator").open(config.build());
    }
}
