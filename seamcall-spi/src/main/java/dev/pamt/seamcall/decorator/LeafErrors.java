package dev.pamt.seamcall.decorator;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * The errors with which each leaf of a TD's life can be answered, whatever the state of the module (TDX module 1.5.25; the leaf's own source
 * file). Leaves that bring a module up are not among them: a host without a module has nothing to go on with.
 */
final class LeafErrors {
    /** Leaf, then errors; a colon and registers if the error names one of them. */
    private static final String TABLE = """
            MNG_CREATE          | INVALID:RCX,RDX RANGE:RCX BUSY:RCX,KOT METADATA:RCX MISSING:RCX
            MNG_ADDCX           | INVALID:RCX,RDX BUSY:RCX,RDX METADATA:RCX MISSING:RCX
            MNG_KEY_CONFIG      | INVALID:RCX BUSY:RCX KEY_GENERATION_FAILED
            MNG_INIT            | INVALID:RCX,RDX BUSY:RCX RND_NO_ENTROPY
            MNG_VPFLUSHDONE     | INVALID:RCX BUSY:RCX,KOT
            MNG_KEY_FREEID      | INVALID:RCX BUSY:RCX,KOT
            MR_FINALIZE         | INVALID:RCX BUSY:RCX,OP_STATE
            MR_EXTEND           | INVALID:RCX,RDX BUSY:RDX
            VP_CREATE           | INVALID:RCX,RDX BUSY:RCX,RDX METADATA:RCX MISSING:RCX
            VP_ADDCX            | INVALID:RCX,RDX BUSY:RCX,RDX METADATA:RCX MISSING:RCX
            VP_INIT             | INVALID:RCX BUSY:RCX RND_NO_ENTROPY
            VP_FLUSH            | INVALID:RCX BUSY:RCX
            MEM_SEPT_ADD        | INVALID:RCX,RDX,R8 BUSY:RCX,RDX,R8,SEPT_TREE METADATA:R8 MISSING:R8 WALK:RCX
            MEM_SEPT_REMOVE     | INVALID:RCX,RDX BUSY:RCX,RDX,SEPT_TREE TRACKING:RCX
            MEM_PAGE_ADD        | INVALID:RCX,RDX,R8 BUSY:RCX,RDX,R8,SEPT_TREE METADATA:R8 MISSING:R8 WALK:RCX
            MEM_PAGE_AUG        | INVALID:RCX,RDX,R8 BUSY:RCX,RDX,R8,SEPT_TREE METADATA:R8 MISSING:R8 WALK:RCX
            MEM_PAGE_REMOVE     | INVALID:RCX,RDX BUSY:RCX,RDX,SEPT_TREE TRACKING:RCX WALK:RCX
            MEM_PAGE_RELOCATE   | INVALID:RCX,RDX,R8 BUSY:RCX,RDX,R8,SEPT_TREE METADATA:R8 MISSING:R8 TRACKING:RCX
            MEM_PAGE_DEMOTE     | INVALID:RCX,RDX,R8 BUSY:RCX,RDX,R8,R12,R13 METADATA:R8 MISSING:R8 TRACKING:RCX INTERRUPTED
            MEM_PAGE_PROMOTE    | INVALID:RCX,RDX BUSY:RCX,RDX TRACKING:RCX PROMOTE:RCX INTERRUPTED
            MEM_RANGE_BLOCK     | INVALID:RCX,RDX BUSY:RCX,RDX,SEPT_TREE WALK:RCX
            MEM_RANGE_UNBLOCK   | INVALID:RCX,RDX BUSY:RCX,RDX,SEPT_TREE TRACKING:RCX
            MEM_TRACK           | INVALID:RCX BUSY:RCX,TD_EPOCH EPOCH
            MEM_SEPT_RD         | INVALID:RCX,RDX BUSY:RDX
            PHYMEM_PAGE_RDMD    | INVALID:RCX BUSY:RCX
            PHYMEM_PAGE_RECLAIM | INVALID:RCX BUSY:RCX METADATA:RCX
            PHYMEM_PAGE_WBINVD  | INVALID:RCX BUSY:RCX
            PHYMEM_CACHE_WB     | BUSY:WBCACHE,KOT
            PHYMEM_PAMT_ADD     | INVALID:RCX,RDX,R8 RANGE:RCX,RDX,R8 BUSY:RCX,RDX,R8 NOT_FREE:RDX,R8 RANGE_NOT_FREE:RCX
            PHYMEM_PAMT_REMOVE  | INVALID:RCX RANGE:RCX BUSY:RCX NO_PAIR:RCX NOT_EMPTY
            """;

    private static final Map<String, TdxStatus> SHORT = Map.ofEntries(
            Map.entry("INVALID", TdxStatus.OPERAND_INVALID),
            Map.entry("RANGE", TdxStatus.OPERAND_ADDR_RANGE_ERROR),
            Map.entry("BUSY", TdxStatus.OPERAND_BUSY),
            Map.entry("METADATA", TdxStatus.PAGE_METADATA_INCORRECT),
            Map.entry("MISSING", TdxStatus.MISSING_PAMT_PAGE_PAIR),
            Map.entry("WALK", TdxStatus.EPT_WALK_FAILED),
            Map.entry("TRACKING", TdxStatus.TLB_TRACKING_NOT_DONE),
            Map.entry("PROMOTE", TdxStatus.EPT_INVALID_PROMOTE_CONDITIONS),
            Map.entry("INTERRUPTED", TdxStatus.INTERRUPTED_RESTARTABLE),
            Map.entry("EPOCH", TdxStatus.PREVIOUS_TLB_EPOCH_BUSY),
            Map.entry("NOT_FREE", TdxStatus.PAGE_NOT_FREE),
            Map.entry("RANGE_NOT_FREE", TdxStatus.HPA_RANGE_NOT_FREE),
            Map.entry("NO_PAIR", TdxStatus.NO_PAMT_PAGE_PAIR),
            Map.entry("NOT_EMPTY", TdxStatus.PAMT_PAGE_NOT_EMPTY));

    private static final Map<SeamcallLeaf, long[]> ERRORS = parse();

    private LeafErrors() {}

    /** Returns the errors of a leaf, or none if it is not in the table. */
    static long[] of(SeamcallLeaf leaf) {
        return ERRORS.getOrDefault(leaf, new long[0]);
    }

    private static Map<SeamcallLeaf, long[]> parse() {
        Map<SeamcallLeaf, long[]> errors = new EnumMap<>(SeamcallLeaf.class);
        TABLE.lines().forEach(line -> {
            String[] columns = line.split("\\|", -1);
            List<Long> statuses = new ArrayList<>();
            for (String error : columns[1].trim().split(" +", -1)) {
                addAll(statuses, error.split(":", -1));
            }
            errors.put(
                    SeamcallLeaf.valueOf(columns[0].trim()),
                    statuses.stream().mapToLong(Long::longValue).toArray());
        });
        return errors;
    }

    private static void addAll(List<Long> statuses, String[] nameAndOperands) {
        TdxStatus status = SHORT.containsKey(nameAndOperands[0])
                ? SHORT.get(nameAndOperands[0])
                : TdxStatus.valueOf(nameAndOperands[0]);
        if (nameAndOperands.length == 1) {
            statuses.add(status.code());
            return;
        }
        for (String operand : nameAndOperands[1].split(",", -1)) {
            statuses.add(status.with(TdxOperand.valueOf(operand)));
        }
    }
}
