package dev.pamt.seamcall.emulator.td;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.key.KeyOwnershipTable;
import dev.pamt.seamcall.emulator.memory.SparseMemory;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.pamt.Pamt;
import dev.pamt.seamcall.emulator.pamt.PamtWalk;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Timing;
import java.util.function.BooleanSupplier;

/** TDH.MNG.CREATE (TDX module 1.5.25; facts 5.6). */
public final class TdCreationHandlers {
    private final SparseMemory memory;
    private final Pamt pamt;
    private final KeyOwnershipTable kot;
    private final TdTable tds;
    private final HpaRules hpas;
    private final BooleanSupplier entropy;
    private final Timing timing;

    /** Makes the leaf. */
    public TdCreationHandlers(
            SparseMemory memory,
            Pamt pamt,
            KeyOwnershipTable kot,
            TdTable tds,
            HpaRules hpas,
            BooleanSupplier entropy,
            Timing timing) {
        this.memory = memory;
        this.pamt = pamt;
        this.kot = kot;
        this.tds = tds;
        this.hpas = hpas;
        this.entropy = entropy;
        this.timing = timing;
    }

    /** MNG.CREATE. The page is checked before the key id's owner, and is zeroed before entropy is asked for. */
    public long create(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        long tdrHpa = regs.rcx;
        if (!hpas.isPrivate(regs.rdx)) {
            return TdxStatus.OPERAND_INVALID.with(TdxOperand.RDX);
        }
        PamtWalk walk = new PamtWalk();
        long status = pamt.lockPage(walk, tdrHpa, TdxOperand.RCX, LockMode.EXCLUSIVE, PageType.NDA);
        if (status != 0) {
            return status;
        }
        if (kot.lock().acquireExclusive()) {
            status = createWith(walk, tdrHpa, (int) regs.rdx);
            kot.lock().releaseExclusive();
        } else {
            status = TdxStatus.OPERAND_BUSY.with(TdxOperand.KOT);
        }
        walk.release();
        return status;
    }

    private long createWith(PamtWalk walk, long tdrHpa, int hkid) {
        if (kot.state(hkid) != KeyOwnershipTable.State.FREE) {
            return TdxStatus.HKID_NOT_FREE.code();
        }
        memory.zeroPage(tdrHpa);
        timing.spend(SeamcallLeaf.MNG_CREATE);
        if (!entropy.getAsBoolean()) {
            return TdxStatus.RND_NO_ENTROPY.code();
        }
        kot.setState(hkid, KeyOwnershipTable.State.ASSIGNED);
        tds.create(tdrHpa, hkid);
        walk.assign(PageType.TDR, 0);
        return 0;
    }
}
