package dev.pamt.seamcall.emulator;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/** The operands of each leaf, and the registers that it writes: always, and if it succeeds. */
final class CallRules {
    /** Leaf, operands, registers that it may write whatever comes of it, registers that it writes if it succeeds. */
    private static final String TABLE = """
            VP_ENTER            | RCX                         | RCX RDX RBX RSI RDI R8 R9 R10 R11 R12 R13 R14 R15 |
            MNG_ADDCX           | RCX RDX                     |                          |
            MEM_PAGE_ADD        | RCX RDX R8 R9               | RCX RDX                  |
            MEM_SEPT_ADD        | RCX RDX R8 R9 R10 R11       | RCX RDX R8 R9 R10 R11    |
            VP_ADDCX            | RCX RDX                     |                          |
            MEM_PAGE_RELOCATE   | RCX RDX R8                  | RCX RDX                  |
            MEM_PAGE_AUG        | RCX RDX R8                  | RCX RDX                  |
            MEM_RANGE_BLOCK     | RCX RDX                     | RCX RDX                  |
            MNG_KEY_CONFIG      | RCX                         |                          |
            MNG_CREATE          | RCX RDX                     |                          |
            VP_CREATE           | RCX RDX                     |                          |
            MNG_RD              | RCX RDX                     | RDX R8                   |
            MEM_PAGE_DEMOTE     | RCX RDX R8 R9 R10 R11 R12 R13 | RCX RDX                | R9 R10 R11
            MR_EXTEND           | RCX RDX                     | RCX RDX                  |
            MR_FINALIZE         | RCX                         |                          |
            VP_FLUSH            | RCX                         |                          |
            MNG_VPFLUSHDONE     | RCX                         |                          |
            MNG_KEY_FREEID      | RCX                         |                          |
            MNG_INIT            | RCX RDX                     | RCX                      |
            VP_INIT             | RCX R8                      |                          |
            MEM_PAGE_PROMOTE    | RCX RDX                     | RCX RDX R9 R10 R11       | R12 R13
            PHYMEM_PAGE_RDMD    | RCX                         | RCX RDX R8 R9 R10 R11    |
            MEM_SEPT_RD         | RCX RDX                     | RCX RDX                  | R8
            VP_RD               | RCX RDX                     | RDX R8                   |
            MNG_KEY_RECLAIMID   |                             |                          |
            PHYMEM_PAGE_RECLAIM | RCX                         | RCX RDX R8 R9 R10 R11    |
            MEM_PAGE_REMOVE     | RCX RDX                     | RCX RDX                  |
            MEM_SEPT_REMOVE     | RCX RDX                     | RCX RDX R9 R10 R11       |
            SYS_KEY_CONFIG      |                             |                          |
            SYS_INFO            | RCX RDX R8 R9               | RDX R9                   |
            SYS_INIT            | RCX                         | RCX RDX R8 R9 R10        |
            SYS_RD              | RDX                         | RDX R8                   |
            SYS_LP_INIT         |                             | RCX RDX R8               |
            SYS_TDMR_INIT       | RCX                         | RDX                      |
            SYS_RDALL           | RDX R8                      | R8                       |
            MEM_TRACK           | RCX                         |                          |
            MEM_RANGE_UNBLOCK   | RCX RDX                     | RCX RDX                  |
            PHYMEM_CACHE_WB     | RCX                         |                          |
            PHYMEM_PAGE_WBINVD  | RCX                         |                          |
            VP_WR               | RCX RDX R8 R9               | R8                       |
            SYS_LP_SHUTDOWN     |                             |                          |
            SYS_CONFIG          | RCX RDX R8                  |                          |
            SYS_SHUTDOWN        | RCX                         |                          |
            SYS_UPDATE          |                             |                          |
            PHYMEM_PAMT_ADD     | RCX RDX R8                  |                          |
            PHYMEM_PAMT_REMOVE  | RCX                         |                          | RDX R8
            """;

    /** Statuses of the leaves on guest addresses with which RCX and RDX say something. */
    private static final Set<TdxStatus> DESCRIBED = EnumSet.of(
            TdxStatus.EPT_WALK_FAILED,
            TdxStatus.EPT_ENTRY_STATE_INCORRECT,
            TdxStatus.EPT_ENTRY_NOT_PRESENT,
            TdxStatus.EPT_PAGE_NOT_FREE,
            TdxStatus.EPT_INVALID_PROMOTE_CONDITIONS,
            TdxStatus.GPA_RANGE_NOT_BLOCKED,
            TdxStatus.L2_SEPT_WALK_FAILED,
            TdxStatus.L2_SEPT_ENTRY_NOT_FREE,
            TdxStatus.OPERAND_BUSY,
            TdxStatus.INTERRUPTED_RESTARTABLE,
            TdxStatus.INTERRUPTED_RESUMABLE,
            TdxStatus.INTERRUPTED_BUSY);

    private static final Map<SeamcallLeaf, CallRules> RULES = parse();

    private final Set<TdxOperand> operands;
    private final Set<TdxOperand> written;
    private final Set<TdxOperand> writtenOnSuccess;

    private CallRules(String[] columns) {
        operands = registers(columns[1]);
        written = registers(columns[2]);
        writtenOnSuccess = registers(columns.length > 3 ? columns[3] : "");
        writtenOnSuccess.addAll(written);
    }

    private static Set<TdxOperand> registers(String names) {
        Set<TdxOperand> registers = EnumSet.noneOf(TdxOperand.class);
        Arrays.stream(names.trim().split(" +"))
                .filter(name -> !name.isEmpty())
                .map(TdxOperand::valueOf)
                .forEach(registers::add);
        return registers;
    }

    private static Map<SeamcallLeaf, CallRules> parse() {
        Map<SeamcallLeaf, CallRules> rules = new EnumMap<>(SeamcallLeaf.class);
        TABLE.lines().forEach(line -> {
            String[] columns = line.split("\\|");
            rules.put(SeamcallLeaf.valueOf(columns[0].trim()), new CallRules(columns));
        });
        return rules;
    }

    /** The rules of a leaf. */
    static CallRules of(SeamcallLeaf leaf) {
        return RULES.get(leaf);
    }

    /** The registers that the leaf looks at. */
    Set<TdxOperand> operands() {
        return operands;
    }

    /** What is wrong with the registers after a call, or null. */
    String complaint(SeamcallRegisters before, long status, SeamcallRegisters after) {
        Set<TdxOperand> allowed = TdxStatus.isError(status) ? written : writtenOnSuccess;
        for (TdxOperand register : SeamcallRegisters.OPERANDS) {
            if (!allowed.contains(register) && before.get(register) != after.get(register)) {
                return register + " has changed";
            }
        }
        boolean onGuestAddress = written.contains(TdxOperand.RCX) && operands.contains(TdxOperand.RDX);
        boolean refused = before.equals(after);
        if (onGuestAddress
                && TdxStatus.isError(status)
                && !refused
                && !DESCRIBED.contains(TdxStatus.of(status))
                && (after.rcx | (written.contains(TdxOperand.RDX) ? after.rdx : 0)) != 0) {
            return "RCX and RDX are not zero";
        }
        return null;
    }
}
