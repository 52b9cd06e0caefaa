package dev.pamt.seamcall.emulator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.td.Td;
import dev.pamt.seamcall.emulator.td.TdLifecycle;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Looks at the structures of a {@link TestHost}'s module when no call is under way: whether they agree with each other,
 * and a digest of all that a failed call must leave alone.
 *
 * <p>The digest leaves out what a failed call may change: host priority bits, stale fields, the contents of free pages.
 */
final class ModuleAudit {
    private static final int REGIONS = (int) (TestHost.TDMR_BYTES / PageLevel.SIZE_2M.bytes());
    private static final int PAGES = 512;
    private static final long REST_OF_LOCK = 0xFFFD;
    private static final int LEAF_OWNER = 24;
    private static final long SEPT_LOCK = 1L << 11;
    private static final long SEPT_HOST_PRIORITY = 1L << 52;
    private static final long SEPT_LEAF = 1L << 7;
    private static final long SEPT_FREE = 0xE0L << 48;

    /** The bit below those that say which L2 VMs have an alias. */
    private static final int ALIAS = 57;

    /** The address in an entry, without the key id, which has bits 45:40 here. */
    private static final long SEPT_HPA = (1L << 40) - PageLevel.SIZE_4K.bytes();

    private final TdxModule module;
    private final SparseMemory memory;

    ModuleAudit(TestHost host) {
        module = host.machine.module();
        memory = module.memory();
    }

    /** What a failed call must not change: PAMT, bitmap, Secure EPT, TDs, key ids. */
    long[] digest() {
        long[] digest = new long[5];
        for (int region = 0; region < REGIONS; region++) {
            long word0 = entry2m(region, 0);
            switch (type(word0)) {
                case PageType.NDA -> {}
                case PageType.REG -> digest[0] = mix(mix(mix(digest[0], region), word0 & ~0xFFFFL), entry2m(region, 1));
                default -> {
                    digest[0] = mix(mix(mix(digest[0], region), word0 >>> 28), entry2m(region, 1));
                    digestPages(digest, region);
                }
            }
        }
        for (int word = 0; word < REGIONS * PAGES / Long.SIZE; word++) {
            digest[1] = mix(digest[1], memory.read64(TestHost.PAMT_4K + word * 8L));
        }
        for (int hkid = 32; hkid < 64; hkid++) {
            digest[4] = mix(
                    mix(digest[4], module.kot().state(hkid).name().hashCode()),
                    module.kot().writeBackPackages(hkid));
        }
        return digest;
    }

    private void digestPages(long[] digest, int region) {
        for (int half = 0; half < 2; half++) {
            long pairPage = pairPage(region, half);
            long[] words = memory.pageOrNull(pairPage);
            for (int i = 0; words != null && i < words.length; i += 2) {
                int type = type(words[i]);
                if (type == PageType.NDA) {
                    continue;
                }
                digest[0] = mix(mix(digest[0], pairPage + i), words[i] & ~0xFFFFL);
                if (type == PageType.REG || type == PageType.EPT) {
                    digest[0] = mix(digest[0], words[i + 1]);
                }
                long page = TestHost.page(region, half * 256 + i / 2);
                switch (type) {
                    case PageType.EPT -> digestSept(digest, page);
                    case PageType.TDR -> digestTd(digest, module.tds().at(page));
                    case PageType.TDVPR ->
                        digest[3] =
                                mix(digest[3], module.vcpus().at(page).state().code());
                    default -> {}
                }
            }
        }
    }

    private void digestTd(long[] digest, Td td) {
        digest[3] = mix(mix(digest[3], td.childPages()), td.lifecycle().name().hashCode() * 64L + td.hkid());
        digest[3] = mix(
                mix(mix(digest[3], td.opState().code()), td.epoch()),
                td.epochLock().raw());
        if (td.septRootHpa(0) != 0) {
            digestSept(digest, td.septRootHpa(0));
        }
    }

    private void digestSept(long[] digest, long page) {
        long[] words = memory.pageOrNull(page);
        for (int i = 0; i < PAGES; i++) {
            // A page of zeroes is there or not.
            digest[2] = mix(digest[2], words == null ? 0 : words[i] & ~SEPT_HOST_PRIORITY);
        }
    }

    private static long mix(long hash, long value) {
        return Long.rotateLeft((hash ^ value) * 0x9E37_79B9_7F4A_7C15L, 29) + 1;
    }

    /** Whether a region has a pair and no page in use, which PAMT.REMOVE asks for. */
    boolean isRemovable(int region) {
        return type(entry2m(region, 0)) == PageType.PAMT && (entry2m(region, 1) & 0x3FF) == 0;
    }

    /** Checks that all agree and nothing is locked. */
    void check() {
        new Check().run();
    }

    private long entry2m(int region, int word) {
        return memory.read64(TestHost.PAMT_2M + region * 16L + word * 8L);
    }

    private long pairPage(int region, int half) {
        return entry2m(region, half) >>> 28 << 12;
    }

    private static int type(long word0) {
        return (int) (word0 >>> 16) & 31;
    }

    /** The sums of one check. */
    private final class Check {
        private final BitSet pairPages = new BitSet();
        private final Set<Long> roots = new HashSet<>();
        private final Map<Long, Long> children = new HashMap<>();
        private final Map<Long, Integer> leaves = new HashMap<>();
        private final int[] aliases = new int[4];

        void run() {
            for (int gib = 0; gib < 2; gib++) {
                long word = memory.read64(TestHost.PAMT_1G + gib * 16L);
                assertEquals(0, word & REST_OF_LOCK, "PAMT_1G lock");
                assertEquals(PageType.NDA, type(word), "1G page");
            }
            for (int region = 0; region < REGIONS; region++) {
                checkRegion(region);
            }
            checkBitmap();
            for (int region = 0; region < REGIONS; region++) {
                if (type(entry2m(region, 0)) == PageType.REG) {
                    int first = region * PAGES;
                    assertEquals(-1, nextIn(pairPages, first, first + PAGES), "pair page in a 2M page");
                    assertTrue(region > 0, "reserved page in a 2M page");
                }
            }
            for (long tdr : roots) {
                checkTd(tdr, module.tds().at(tdr));
            }
            assertTrue(children.isEmpty(), () -> "pages without a TD " + children);
            assertEquals(0, module.kot().lock().raw(), "key table lock");
        }

        private int nextIn(BitSet set, int from, int to) {
            int next = set.nextSetBit(from);
            return next < to ? next : -1;
        }

        private void checkRegion(int region) {
            long word0 = entry2m(region, 0);
            assertEquals(0, word0 & REST_OF_LOCK, "PAMT_2M lock");
            switch (type(word0)) {
                case PageType.NDA -> {}
                case PageType.REG -> own(word0 >>> LEAF_OWNER << 12, PageType.REG, PAGES);
                case PageType.PAMT -> {
                    long used = 0;
                    for (int half = 0; half < 2; half++) {
                        int page = (int) ((pairPage(region, half) - TestHost.TDMR) >>> 12);
                        assertTrue(page >= PAGES, "reserved page in a pair");
                        assertTrue(!pairPages.get(page), "page of two pairs");
                        pairPages.set(page);
                        used += usedPages(region, half);
                    }
                    assertEquals(used, entry2m(region, 1) & 0x3FF, "page count");
                }
                default -> throw new AssertionError("2M page of type " + type(word0));
            }
        }

        private int usedPages(int region, int half) {
            long[] words = memory.pageOrNull(pairPage(region, half));
            int used = 0;
            for (int i = 0; words != null && i < words.length; i += 2) {
                assertEquals(0, words[i] & REST_OF_LOCK, "PAMT_4K lock");
                int type = type(words[i]);
                if (type != PageType.NDA) {
                    used++;
                    if (type != PageType.TDR) {
                        own(words[i] >>> LEAF_OWNER << 12, type, 1);
                    } else {
                        assertEquals(0, words[i] >>> LEAF_OWNER, "owner of a TD root");
                        roots.add(TestHost.page(region, half * 256 + i / 2));
                    }
                }
            }
            return used;
        }

        private void own(long tdr, int type, long pages) {
            children.merge(tdr, pages, Long::sum);
            if (type == PageType.REG || type == PageType.EPT) {
                leaves.merge(tdr, 1, Integer::sum);
            }
        }

        private void checkBitmap() {
            BitSet expected = (BitSet) pairPages.clone();
            expected.set(0, PAGES);
            for (int word = 0; word < REGIONS * PAGES / Long.SIZE; word++) {
                long bits = 0;
                for (int i = expected.nextSetBit(word * 64);
                        i >= 0 && i < word * 64 + 64;
                        i = expected.nextSetBit(i + 1)) {
                    bits |= 1L << i;
                }
                assertEquals(bits, memory.read64(TestHost.PAMT_4K + word * 8L), "page bitmap");
            }
            for (int page = pairPages.nextSetBit(0); page >= 0; page = pairPages.nextSetBit(page + 1)) {
                int region = page / PAGES;
                if (type(entry2m(region, 0)) == PageType.PAMT) {
                    long entry = pairPage(region, page % PAGES / 256) + page % 256 * 16L;
                    assertEquals(PageType.NDA, type(memory.read64(entry)), "pair page in use");
                }
            }
        }

        private void checkTd(long tdr, Td td) {
            Long owned = children.remove(tdr);
            assertEquals(owned == null ? 0 : owned, td.childPages(), "child pages");
            assertEquals(0, td.locks()[Td.OP_STATE_LOCK] & REST_OF_LOCK, "OP_STATE lock");
            assertEquals(0, td.locks()[Td.SEPT_TREE_LOCK] & REST_OF_LOCK, "SEPT tree lock");
            assertEquals(0, td.epochLock().raw(), "epoch lock");
            // Pages are reclaimed without a look at the Secure EPT.
            if (td.lifecycle() == TdLifecycle.KEYS_CONFIGURED && td.params() != null) {
                Set<Long> reached = new HashSet<>();
                walk(tdr, td.septRootHpa(0), td.params().rootLevel(), reached);
                for (int vm = 1; vm <= td.params().l2Vms(); vm++) {
                    int entries = walkL2(td.septRootHpa(vm), td.params().rootLevel(), reached);
                    assertEquals(aliases[vm], entries, "entries of an L2 VM, and alias bits");
                }
                Arrays.fill(aliases, 0);
                assertEquals(leaves.getOrDefault(tdr, 0), reached.size(), "pages in the Secure EPT");
            }
        }

        private void walk(long tdr, long table, int level, Set<Long> reached) {
            for (int i = 0; i < PAGES; i++) {
                long entry = memory.read64(table + i * 8L);
                if ((entry & SEPT_FREE) == SEPT_FREE) {
                    continue;
                }
                assertEquals(0, entry & SEPT_LOCK, "Secure EPT entry lock");
                for (int vm = 1; vm < aliases.length; vm++) {
                    aliases[vm] += (int) (entry >>> (ALIAS + vm) & 1);
                }
                boolean leaf = (entry & SEPT_LEAF) != 0;
                // A pending 2M entry counts accepted pages in its low address bits.
                long hpa = entry & SEPT_HPA & (leaf ? -1L << (12 + 9 * level) : -1);
                long word0 = leaf && level == 1 ? entry2m(regionOf(hpa), 0) : entry4k(hpa);
                assertEquals(leaf ? PageType.REG : PageType.EPT, type(word0), "type of a mapped page");
                assertEquals(tdr, word0 >>> LEAF_OWNER << 12, "owner of a mapped page");
                assertTrue(reached.add(hpa), "page mapped twice");
                if (!leaf) {
                    walk(tdr, hpa, level - 1, reached);
                }
            }
        }

        /** An L2 entry leads to a page of its own tree, or is an alias of a page that the TD has; how many there are. */
        private int walkL2(long table, int level, Set<Long> reached) {
            int entries = 0;
            for (int i = 0; i < PAGES; i++) {
                long entry = memory.read64(table + i * 8L);
                long hpa = entry & SEPT_HPA;
                entries += entry == 0 ? 0 : 1;
                if ((entry & SEPT_LEAF) != 0) {
                    assertTrue(reached.contains(hpa), "alias of a page that the TD has not");
                } else if (entry != 0) {
                    assertEquals(PageType.EPT, type(entry4k(hpa)), "type of an L2 page");
                    assertTrue(reached.add(hpa), "L2 page mapped twice");
                    entries += walkL2(hpa, level - 1, reached);
                }
            }
            return entries;
        }

        private int regionOf(long hpa) {
            return (int) ((hpa - TestHost.TDMR) / PageLevel.SIZE_2M.bytes());
        }

        private long entry4k(long hpa) {
            int region = regionOf(hpa);
            assertEquals(PageType.PAMT, type(entry2m(region, 0)), "region of a mapped page");
            int page = (int) (hpa >>> 12) & PAGES - 1;
            return memory.read64(pairPage(region, page / 256) + page % 256 * 16L);
        }
    }

    /** Fails unless two digests are the same. */
    static void assertSame(long[] before, long[] after, String call) {
        assertNotNull(call);
        String[] parts = {"PAMT", "page bitmap", "Secure EPT", "TDs", "key ids"};
        for (int i = 0; i < parts.length; i++) {
            String part = parts[i];
            assertEquals(before[i], after[i], () -> "a failed call changed " + part + ": " + call);
        }
    }
}
