package dev.pamt.impl.host;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.SeamcallProvider;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.SysField;
import dev.pamt.seamcall.TdxStatus;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A machine with two packages of two processors whose module notes every call and answers as a test says.
 * Nothing is checked: the emulator does that.
 */
final class ScriptedMachine implements SeamcallPlatform, PhysicalMemory {
    static final long FIRST_HKID = 32;

    private static final long GIB = 1L << 30;

    /** The calls made, such as {@code 0 SYS_INIT}: processor, then leaf. */
    final List<String> calls = new ArrayList<>();

    /** The registers that SYS.CONFIG was called with. */
    final SeamcallRegisters sysConfig = new SeamcallRegisters();

    /** The words of memory that are not 0. */
    final Map<Long, Long> memory = new TreeMap<>();

    /** What memory held when SYS.CONFIG was called. */
    final Map<Long, Long> memoryAtSysConfig = new HashMap<>();

    private final Map<Long, Long> fields = new HashMap<>();
    private final Map<SeamcallLeaf, List<Long>> answers = new EnumMap<>(SeamcallLeaf.class);
    private final Map<Long, Long> refusedFields = new HashMap<>();
    private final Map<Long, Long> initialised = new HashMap<>();
    private final Map<Long, Integer> stalls = new HashMap<>();
    /** Calls of SYS.TDMR.INIT for each GiB that initialise nothing before the one that does. */
    int stallsPerGib;

    boolean closed;

    ScriptedMachine(List<PhysicalRange> cmrs) {
        field(SysField.TDX_FEATURES0, 1L << SysField.FEATURE_DYNAMIC_PAMT);
        field(SysField.MAX_TDMRS, 64);
        field(SysField.MAX_RESERVED_PER_TDMR, 16);
        field(SysField.PAMT_4K_ENTRY_SIZE, 16);
        field(SysField.PAMT_2M_ENTRY_SIZE, 16);
        field(SysField.PAMT_1G_ENTRY_SIZE, 16);
        field(SysField.PAMT_PAGE_BITMAP_ENTRY_BITS, 1);
        field(SysField.MIN_DYNAMIC_PAMT_NUM_HKID_BITS, 0);
        field(SysField.NUM_CMRS, 32);
        for (int i = 0; i < 32; i++) {
            fields.put(SysField.CMR_BASE.id(i), i < cmrs.size() ? cmrs.get(i).baseHpa() : 0);
            fields.put(SysField.CMR_SIZE.id(i), i < cmrs.size() ? cmrs.get(i).bytes() : 0);
        }
    }

    void field(SysField field, long value) {
        fields.put(field.id(), value);
    }

    void withoutDynamicPamt() {
        field(SysField.TDX_FEATURES0, 0);
        withoutField(SysField.PAMT_PAGE_BITMAP_ENTRY_BITS);
        withoutField(SysField.MIN_DYNAMIC_PAMT_NUM_HKID_BITS);
    }

    /** Answers every SYS.RD of a field with an error. */
    void refuseField(SysField field, int index, long status) {
        refusedFields.put(field.id(index), status);
    }

    void withoutField(SysField field) {
        fields.remove(field.id());
    }

    /** Answers the next calls of a leaf with these statuses, and those after them with success. */
    void answer(SeamcallLeaf leaf, long... statuses) {
        List<Long> queue = answers.computeIfAbsent(leaf, key -> new ArrayList<>());
        for (long status : statuses) {
            queue.add(status);
        }
    }

    long count(String call) {
        return calls.stream().filter(call::equals).count();
    }

    private long seamcall(int processor, long rax, SeamcallRegisters regs) {
        SeamcallLeaf leaf = SeamcallLeaf.of(rax);
        calls.add(processor + " " + leaf.name());
        List<Long> scripted = answers.getOrDefault(leaf, List.of());
        if (!scripted.isEmpty()) {
            return scripted.remove(0);
        }
        switch (leaf) {
            case SYS_RD -> {
                Long refused = refusedFields.get(regs.rdx);
                if (refused != null) {
                    return refused;
                }
                Long value = fields.get(regs.rdx);
                if (value == null) {
                    return TdxStatus.METADATA_FIELD_ID_INCORRECT.code();
                }
                regs.r8 = value;
            }
            case SYS_CONFIG -> {
                sysConfig.set(regs);
                memoryAtSysConfig.putAll(memory);
            }
            case SYS_TDMR_INIT ->
                regs.rdx = stalls.merge(regs.rcx, 1, Integer::sum) % (stallsPerGib + 1) != 0
                        ? initialised.getOrDefault(regs.rcx, regs.rcx)
                        : initialised.merge(regs.rcx, regs.rcx + GIB, (at, next) -> at + GIB);
            default -> {}
        }
        return TdxStatus.SUCCESS.code();
    }

    @Override
    public int processors() {
        return 4;
    }

    @Override
    public SeamcallProvider processor(int index) {
        return (rax, regs) -> seamcall(index, rax, regs);
    }

    @Override
    public int packages() {
        return 2;
    }

    @Override
    public int packageOf(int processor) {
        return processor / 2;
    }

    @Override
    public PhysicalMemory memory() {
        return this;
    }

    @Override
    public int firstPrivateHkid() {
        return (int) FIRST_HKID;
    }

    @Override
    public int privateHkids() {
        return 32;
    }

    @Override
    public void close() {
        closed = true;
    }

    @Override
    public long read64(long hpa) {
        return memory.getOrDefault(hpa, 0L);
    }

    @Override
    public void write64(long hpa, long value) {
        memory.put(hpa, value);
    }

    @Override
    public void clearPage(long hpa) {
        memory.keySet().removeIf(word -> word >= hpa && word < hpa + 4096);
    }
}
