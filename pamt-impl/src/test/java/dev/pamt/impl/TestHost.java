package dev.pamt.impl;

import static org.mockito.AdditionalAnswers.delegatesTo;
import static org.mockito.ArgumentMatchers.any;
import static org.mockito.ArgumentMatchers.eq;
import static org.mockito.Mockito.doReturn;
import static org.mockito.Mockito.doThrow;
import static org.mockito.Mockito.mock;

import dev.pamt.api.MemoryMap;
import dev.pamt.api.PageAllocator;
import dev.pamt.api.PamtManager;
import dev.pamt.api.Tdmr;
import dev.pamt.api.TdxHost;
import dev.pamt.impl.host.HostBringUp;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallProviderFactory;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SeamcallUnavailableException;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.decorator.SeamcallDecorator;
import java.util.List;
import org.mockito.stubbing.Stubber;

/**
 * An emulated host of 3 GiB with ragged edges, whose module can be made to misbehave: {@link #module} is a mock that passes
 * every call on unless a test says otherwise.
 */
final class TestHost implements TdxHost {
    /** A region that is RAM from end to end, far from where the allocator begins. */
    static final long REGION = 0x1_3000_0000L;

    static final long NEXT_REGION = REGION + PageAllocator.CHUNK_BYTES;

    /** RAM ends in the middle of a region. */
    static final long LAST_PAGE = 0x7FF4_F000L;

    static final MemoryMap MAP = MemoryMap.of(List.of(
            PhysicalRange.between(0x10_0000, LAST_PAGE + PageAllocator.PAGE_BYTES),
            PhysicalRange.between(0x1_0000_0000L, 0x1_4000_0000L)));

    final SeamcallProvider module;

    private final TdxHost real;
    private final SeamcallPlatform platform;
    private final PageAllocator allocator;

    TestHost() {
        this(true, PlatformConfig.builder().cmrs(MAP.cmrs()).build());
    }

    TestHost(boolean chunks, PlatformConfig config) {
        this.real =
                HostBringUp.bringUp(SeamcallProviderFactory.named("emulator").open(config), MAP, true);
        this.module = mock(SeamcallProvider.class, delegatesTo(real.platform().processor(0)));
        SeamcallDecorator mocked = (backend, processor) -> module;
        this.platform = mocked.decorate(real.platform());
        this.allocator = chunks ? real.allocator() : new WithoutChunks(real.allocator());
    }

    /** A host on which nothing stands between the manager and the emulator. */
    static TdxHost direct(PlatformConfig.Builder config) {
        return HostBringUp.bringUp(
                SeamcallProviderFactory.named("emulator")
                        .open(config.cmrs(MAP.cmrs()).build()),
                MAP,
                true);
    }

    PamtManager.Builder manager() {
        return PamtManager.builder().host(this);
    }

    /** Makes the next calls of a leaf answer these statuses without reaching the module; later ones reach it again. */
    void answer(SeamcallLeaf leaf, long... statuses) {
        Stubber stubber = null;
        for (long status : statuses) {
            stubber = stubber == null ? doReturn(status) : stubber.doReturn(status);
        }
        SeamcallProvider emulator = real.platform().processor(0);
        stubber.doAnswer(call -> emulator.seamcall(call.getArgument(0), call.getArgument(1)))
                .when(module)
                .seamcall(eq(leaf.rax()), any());
    }

    /** Makes the next call of a leaf throw, as a backend does that has lost its module; later ones reach it again. */
    void loseTheModuleOnce(SeamcallLeaf leaf) {
        SeamcallProvider emulator = real.platform().processor(0);
        doThrow(new SeamcallUnavailableException("the module is gone"))
                .doAnswer(call -> emulator.seamcall(call.getArgument(0), call.getArgument(1)))
                .when(module)
                .seamcall(eq(leaf.rax()), any());
    }

    /** What the module says of a region: 0x800000000000000F if a pair is installed, 0 if not. */
    long typeInModule(long regionHpa) {
        SeamcallRegisters regs = new SeamcallRegisters();
        new Seamcalls(real.platform().processor(0)).pageRdmd(regs, PageLevel.SIZE_2M.encode(regionHpa));
        return regs.rcx;
    }

    boolean isBackedInModule(long regionHpa) {
        return typeInModule(regionHpa) != 0;
    }

    @Override
    public SeamcallPlatform platform() {
        return platform;
    }

    @Override
    public MemoryMap memory() {
        return real.memory();
    }

    @Override
    public boolean dynamicPamt() {
        return real.dynamicPamt();
    }

    @Override
    public int pamt4KEntryBytes() {
        return real.pamt4KEntryBytes();
    }

    @Override
    public List<Tdmr> tdmrs() {
        return real.tdmrs();
    }

    @Override
    public PageAllocator allocator() {
        return allocator;
    }

    @Override
    public long freePages() {
        return real.freePages();
    }

    @Override
    public void close() {
        real.close();
    }

    /** An allocator that never finds 512 pages together. */
    private record WithoutChunks(PageAllocator pages) implements PageAllocator {
        @Override
        public long allocPage() {
            return pages.allocPage();
        }

        @Override
        public void freePage(long hpa) {
            pages.freePage(hpa);
        }
    }
}
