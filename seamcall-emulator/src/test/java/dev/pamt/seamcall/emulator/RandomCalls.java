package dev.pamt.seamcall.emulator;

import static dev.pamt.seamcall.emulator.TestHost.page;
import static dev.pamt.seamcall.emulator.TestHost.region;

import dev.pamt.seamcall.AccessKind;
import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.emulator.guest.GuestAction;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.td.Td;
import dev.pamt.seamcall.emulator.tdmr.Tdmr;
import java.util.SplittableRandom;

/**
 * Random calls on one processor of a {@link TestHost}: such as are of use to three TDs in their present states, the same
 * with something wrong, and garbage. Everything happens in a few regions, so that calls meet each other's pages.
 */
final class RandomCalls {
    private static final int TDS = 3;
    private static final int VCPUS = 2;
    private static final int L2_TD = 2;
    private static final int PARAMS = 0x10000;
    private static final int SCRATCH = 0x40000;
    private static final int FIRST_VCPU_PAGE = 16;
    private static final int REGIONS = 8;
    private static final int USED_PAGES = 32;
    private static final int PAIRS = 9;
    private static final int FIRST_HKID = 33;
    private static final int HKIDS = 5;
    private static final int MAX_LEAF = 64;

    private static final SeamcallLeaf[] MEMORY_LEAVES = {
        SeamcallLeaf.MEM_PAGE_AUG,
        SeamcallLeaf.MEM_PAGE_AUG,
        SeamcallLeaf.MEM_PAGE_AUG,
        SeamcallLeaf.MEM_PAGE_REMOVE,
        SeamcallLeaf.MEM_PAGE_REMOVE,
        SeamcallLeaf.MEM_PAGE_DEMOTE,
        SeamcallLeaf.MEM_PAGE_PROMOTE,
        SeamcallLeaf.MEM_PAGE_RELOCATE,
        SeamcallLeaf.MEM_RANGE_BLOCK,
        SeamcallLeaf.MEM_RANGE_UNBLOCK,
        SeamcallLeaf.MEM_RANGE_UNBLOCK,
        SeamcallLeaf.MEM_RANGE_UNBLOCK,
        SeamcallLeaf.MEM_TRACK,
        SeamcallLeaf.MEM_SEPT_ADD,
        SeamcallLeaf.MEM_SEPT_ADD,
        SeamcallLeaf.MEM_SEPT_REMOVE,
        SeamcallLeaf.MEM_SEPT_RD,
        SeamcallLeaf.VP_ENTER,
        SeamcallLeaf.MNG_RD,
        SeamcallLeaf.VP_RD,
        SeamcallLeaf.VP_WR,
        SeamcallLeaf.PHYMEM_PAGE_RDMD,
        SeamcallLeaf.PHYMEM_PAGE_WBINVD,
        SeamcallLeaf.PHYMEM_PAMT_ADD,
        SeamcallLeaf.PHYMEM_PAMT_ADD,
        SeamcallLeaf.PHYMEM_PAMT_REMOVE
    };

    private static final SeamcallLeaf[] BUILD_LEAVES = {
        SeamcallLeaf.VP_CREATE,
        SeamcallLeaf.VP_ADDCX,
        SeamcallLeaf.VP_ADDCX,
        SeamcallLeaf.VP_ADDCX,
        SeamcallLeaf.VP_ADDCX,
        SeamcallLeaf.VP_INIT,
        SeamcallLeaf.MEM_SEPT_ADD,
        SeamcallLeaf.MEM_SEPT_ADD,
        SeamcallLeaf.MEM_PAGE_ADD,
        SeamcallLeaf.MR_EXTEND,
        SeamcallLeaf.MR_FINALIZE,
        SeamcallLeaf.PHYMEM_PAMT_ADD
    };

    private final TestHost host;
    private final int processor;
    private final SplittableRandom random;
    private final SeamcallRegisters regs = new SeamcallRegisters();
    private long rax;
    private int slot;

    RandomCalls(TestHost host, int processor, SplittableRandom random) {
        this.host = host;
        this.processor = processor;
        this.random = random;
    }

    /** Writes the TD_PARAMS of the TDs: 4 and 5 levels of Secure EPT, one with an L2 VM. */
    static void writeParams(TestHost host) {
        for (int td = 0; td < TDS; td++) {
            long params = PARAMS + td * 0x1000L;
            host.machine.memory().write64(params + 8, 3);
            host.machine.memory().write64(params + 16, VCPUS | (td == L2_TD ? 1 << 16 : 0));
            host.machine.memory().write64(params + 24, 6 | (td == 0 ? 4 : 3) << 3);
            host.machine.memory().write64(params + 40, 40);
        }
    }

    SeamcallRegisters regs() {
        return regs;
    }

    long rax() {
        return rax;
    }

    /** The leaf of the call, or null if there is none. */
    SeamcallLeaf leaf() {
        return SeamcallLeaf.of(rax);
    }

    @Override
    public String toString() {
        return String.format(
                "processor %d rax %x rcx %x rdx %x r8 %x r9 %x r10 %x r11 %x r12 %x r13 %x",
                processor, rax, regs.rcx, regs.rdx, regs.r8, regs.r9, regs.r10, regs.r11, regs.r12, regs.r13);
    }

    /** Makes the next call, and does not run it. */
    void next() {
        make();
        tame();
    }

    /** Makes the next call, as a host would that knows what it does. */
    void nextUseful() {
        regs.clear();
        slot = random.nextInt(TDS);
        useful();
        tame();
    }

    /** Sets all words of a call. */
    void set(long word, SeamcallRegisters registers) {
        rax = word;
        regs.set(registers);
        tame();
    }

    /** Keeps the module up, and what it writes for the host in the host's own memory. */
    private void tame() {
        SeamcallLeaf leaf = leaf();
        if (leaf == SeamcallLeaf.SYS_SHUTDOWN) {
            regs.rcx = 0;
        } else if (leaf == SeamcallLeaf.SYS_INFO || leaf == SeamcallLeaf.SYS_RDALL) {
            // Memory is the same through every key id here: what these write elsewhere would be the module's own.
            regs.rcx = SCRATCH;
            regs.rdx = SCRATCH;
            regs.r8 = SCRATCH;
        }
    }

    private void make() {
        regs.clear();
        slot = random.nextInt(TDS);
        int kind = random.nextInt(32);
        if (kind == 0) {
            garbage();
            return;
        }
        useful();
        if (kind < 10) {
            spoil();
        }
        if (kind < 3) {
            spoil();
        }
    }

    private void garbage() {
        rax = random.nextInt(MAX_LEAF);
        if (random.nextInt(8) == 0) {
            rax |= random.nextLong() >>> random.nextInt(Long.SIZE);
        }
        regs.rcx = anyWord();
        regs.rdx = anyWord();
        regs.r8 = anyWord();
        regs.r9 = anyWord();
        regs.r10 = anyWord();
        regs.r11 = anyWord();
        regs.r12 = anyWord();
        regs.r13 = anyWord();
    }

    private long anyWord() {
        return switch (random.nextInt(6)) {
            case 0 -> random.nextLong();
            case 1 -> random.nextLong() >>> random.nextInt(64);
            case 2 -> -1;
            case 3 -> 0;
            case 4 -> anyPage() | random.nextInt(8);
            default -> tdr(random.nextInt(TDS));
        };
    }

    private void spoil() {
        switch (random.nextInt(10)) {
            case 0 -> regs.rcx = spoiled(regs.rcx);
            case 1 -> regs.rdx = spoiled(regs.rdx);
            case 2 -> regs.r8 = spoiled(regs.r8);
            case 3 -> regs.r9 = spoiled(regs.r9);
            case 4 -> regs.r12 = spoiled(regs.r12);
            case 5 -> regs.r13 = spoiled(regs.r13);
            case 6 -> rax ^= 1L << (16 + random.nextInt(12));
            case 7 -> regs.rdx = tdr(random.nextInt(TDS));
            case 8 -> rax = random.nextInt(MAX_LEAF);
            default -> regs.r10 = spoiled(regs.r10);
        }
    }

    private long spoiled(long word) {
        return switch (random.nextInt(8)) {
            case 0 -> word ^ 1L << random.nextInt(64);
            case 1 -> word ^ random.nextInt(8);
            case 2 -> word + PageLevel.SIZE_4K.bytes();
            case 3 -> word | (long) random.nextInt(64) << 40;
            case 4 -> word | 1L << (3 + random.nextInt(9));
            case 5 -> word ^ PageLevel.SIZE_2M.bytes();
            case 6 -> anyPage();
            default -> anyWord();
        };
    }

    private void useful() {
        Td td = host.machine.module().tds().at(tdr(slot));
        SeamcallLeaf leaf;
        if (td == null) {
            leaf = random.nextBoolean() ? SeamcallLeaf.MNG_CREATE : SeamcallLeaf.PHYMEM_PAMT_ADD;
        } else {
            leaf = switch (td.lifecycle()) {
                case HKID_ASSIGNED ->
                    oneOf(SeamcallLeaf.MNG_KEY_CONFIG, SeamcallLeaf.PHYMEM_PAMT_ADD, SeamcallLeaf.PHYMEM_PAGE_RDMD);
                case KEYS_CONFIGURED -> forStateOf(td);
                case BLOCKED -> oneOf(SeamcallLeaf.PHYMEM_CACHE_WB, SeamcallLeaf.MNG_KEY_FREEID);
                case TEARDOWN -> SeamcallLeaf.PHYMEM_PAGE_RECLAIM;
            };
        }
        if (random.nextInt(64) == 0) {
            leaf = oneOf(SeamcallLeaf.values());
        }
        fill(leaf);
    }

    private SeamcallLeaf forStateOf(Td td) {
        return switch (td.opState()) {
            case UNINITIALIZED -> oneOf(SeamcallLeaf.MNG_ADDCX, SeamcallLeaf.MNG_ADDCX, SeamcallLeaf.MNG_INIT);
            case INITIALIZED -> oneOf(BUILD_LEAVES);
            default -> {
                int end = random.nextInt(400);
                yield end == 0 ? SeamcallLeaf.MNG_VPFLUSHDONE : end < 4 ? SeamcallLeaf.VP_FLUSH : oneOf(MEMORY_LEAVES);
            }
        };
    }

    private SeamcallLeaf oneOf(SeamcallLeaf... leaves) {
        return leaves[random.nextInt(leaves.length)];
    }

    private void fill(SeamcallLeaf leaf) {
        rax = leaf.rax(leaf.maxVersion() > 0 && random.nextBoolean() ? 1 : 0);
        regs.rdx = tdr(slot);
        switch (leaf) {
            case MNG_CREATE -> {
                regs.rcx = tdr(slot);
                regs.rdx = FIRST_HKID + (long) random.nextInt(HKIDS);
            }
            case MNG_KEY_CONFIG, MNG_VPFLUSHDONE, MNG_KEY_FREEID, MR_FINALIZE, MEM_TRACK -> regs.rcx = tdr(slot);
            case MNG_ADDCX -> regs.rcx = ownPage();
            case MNG_INIT -> {
                regs.rcx = tdr(slot);
                regs.rdx = PARAMS + slot * 0x1000L;
            }
            case VP_CREATE -> regs.rcx = tdvpr();
            case VP_ADDCX -> {
                regs.rcx = ownPage();
                regs.rdx = tdvpr();
            }
            case VP_INIT, VP_FLUSH, VP_ENTER -> {
                regs.rcx = tdvpr();
                regs.rdx = 0;
                regs.r8 = random.nextInt(3);
            }
            case MR_EXTEND -> regs.rcx = gpa(0) + random.nextInt(16) * 256L;
            case MEM_SEPT_ADD -> {
                regs.rcx = septGpa();
                regs.r8 = ownPage();
                regs.r9 = l2Page();
                regs.r10 = -1;
                regs.r11 = -1;
            }
            case MEM_SEPT_REMOVE -> regs.rcx = septGpa();
            case MEM_PAGE_ADD -> {
                regs.rcx = gpa(0);
                regs.r8 = guestPage();
                regs.r9 = PARAMS;
            }
            case PHYMEM_PAMT_ADD -> {
                regs.rcx = PageLevel.SIZE_2M.encode(random.nextInt(4) == 0 ? anyRegion() : region(1 + slot));
                regs.rdx = pairPage();
                regs.r8 = pairPage();
            }
            case PHYMEM_PAMT_REMOVE -> regs.rcx = PageLevel.SIZE_2M.encode(anyRegion());
            case PHYMEM_PAGE_RECLAIM -> regs.rcx = pageInUse();
            case PHYMEM_PAGE_RDMD ->
                regs.rcx = random.nextBoolean() ? anyPage() : PageLevel.SIZE_2M.encode(anyRegion());
            case PHYMEM_PAGE_WBINVD -> regs.rcx = anyPage();
            case PHYMEM_CACHE_WB -> regs.rcx = random.nextInt(4) == 0 ? 1 : 0;
            case MNG_RD -> {
                regs.rcx = tdr(slot);
                regs.rdx = random.nextBoolean() ? -1 : 0x1110_0003_0000_0000L;
            }
            case VP_RD, VP_WR -> {
                regs.rcx = tdvpr();
                regs.rdx = 2;
                regs.r8 = random.nextInt(300);
                regs.r9 = 0xFFFF;
            }
            case SYS_RD -> regs.rdx = random.nextBoolean() ? -1 : random.nextLong();
            default -> {
                boolean large = leaf == SeamcallLeaf.MEM_PAGE_DEMOTE
                        || leaf == SeamcallLeaf.MEM_PAGE_PROMOTE
                        || (leaf != SeamcallLeaf.MEM_PAGE_RELOCATE && random.nextBoolean());
                regs.rcx = gpa(large ? 1 : 0);
                regs.r8 = large && leaf == SeamcallLeaf.MEM_PAGE_AUG ? anyRegion() : guestPage();
                regs.r9 = l2Page();
                regs.r10 = -1;
                regs.r11 = -1;
                regs.r12 = pairPage();
                regs.r13 = pairPage();
            }
        }
    }

    private static long tdr(int slot) {
        return page(1 + slot, 0);
    }

    private long tdvpr() {
        return page(1 + slot, FIRST_VCPU_PAGE + random.nextInt(VCPUS));
    }

    private long ownPage() {
        return page(1 + slot, 1 + random.nextInt(USED_PAGES - 1));
    }

    private long l2Page() {
        return slot == L2_TD && random.nextInt(4) != 0 ? ownPage() : -1;
    }

    private long guestPage() {
        return random.nextInt(4) == 0 ? anyPage() : ownPage();
    }

    private long anyRegion() {
        return region(1 + random.nextInt(REGIONS));
    }

    private long anyPage() {
        return anyRegion() + random.nextInt(USED_PAGES) * PageLevel.SIZE_4K.bytes();
    }

    private long pairPage() {
        return page(PAIRS + random.nextInt(2), random.nextInt(USED_PAGES));
    }

    /** A page that belongs to a TD or the module, if one is found from a random place on. */
    private long pageInUse() {
        Tdmr tdmr = host.machine.module().tdmrs().covering(TestHost.TDMR);
        int pages = (PAIRS + 1) * 512;
        int first = random.nextInt(pages);
        for (int i = 0; i < pages; i++) {
            long hpa = region(1) + (first + i) % pages * PageLevel.SIZE_4K.bytes();
            int type = host.machine.module().pamt().typeOf(tdmr, hpa);
            if (type != PageType.NDA && type != PageType.RSVD && random.nextInt(4) != 0) {
                return type == PageType.REG && random.nextBoolean() ? hpa & -PageLevel.SIZE_2M.bytes() : hpa;
            }
        }
        return anyPage();
    }

    private long gpa(int level) {
        long gpa = random.nextInt(3) * PageLevel.SIZE_2M.bytes();
        return level == 0 ? gpa + random.nextInt(3) * PageLevel.SIZE_4K.bytes() : gpa | level;
    }

    private long septGpa() {
        int level = 1 + random.nextInt(slot == 0 ? 4 : 3);
        return level == 1 ? gpa(1) : level;
    }

    /** What a guest does next. */
    static GuestAction guestAction(SplittableRandom random) {
        long gpa2m = random.nextInt(3) * PageLevel.SIZE_2M.bytes();
        long gpa4k = gpa2m + random.nextInt(3) * PageLevel.SIZE_4K.bytes();
        return switch (random.nextInt(8)) {
            case 6 -> {
                boolean large = random.nextBoolean();
                long attributes = (long) (0x8000 | random.nextInt(128)) << 16;
                yield new GuestAction.WriteAttributes(
                        large ? gpa2m : gpa4k,
                        large ? PageLevel.SIZE_2M : PageLevel.SIZE_4K,
                        attributes,
                        (long) random.nextInt(128) << 16);
            }
            case 0 -> new GuestAction.Accept(gpa4k, PageLevel.SIZE_4K);
            case 1 -> new GuestAction.Accept(gpa2m, PageLevel.SIZE_2M);
            case 2 -> new GuestAction.Access(gpa4k, AccessKind.WRITE);
            case 3 -> new GuestAction.GetVeInfo();
            default -> new GuestAction.Vmcall();
        };
    }
}
