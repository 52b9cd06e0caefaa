package dev.pamt.seamcall.emulator.td;

import dev.pamt.seamcall.SeamcallLeaf;
import dev.pamt.seamcall.SeamcallRegisters;
import dev.pamt.seamcall.TdxOperand;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.key.KeyOwnershipTable;
import dev.pamt.seamcall.emulator.pamt.LockMode;
import dev.pamt.seamcall.emulator.pamt.PageType;
import dev.pamt.seamcall.emulator.pamt.Pamt;
import dev.pamt.seamcall.emulator.pamt.PamtWalk;
import dev.pamt.seamcall.emulator.platform.HandlerFamily;
import dev.pamt.seamcall.emulator.platform.LeafHandler;
import dev.pamt.seamcall.emulator.platform.LogicalProcessor;
import dev.pamt.seamcall.emulator.platform.Machine;
import java.util.Map;

/** TDH.MNG.CREATE (TDX module 1.5.25, tdh_mng_create.c). */
public final class TdCreationHandlers implements HandlerFamily {
    private final Machine machine;
    private final Pamt pamt;
    private final KeyOwnershipTable kot;
    private final TdTable tds;

    /** Makes the leaf. */
    public TdCreationHandlers(Machine machine, Pamt pamt, KeyOwnershipTable kot, TdTable tds) {
        this.machine = machine;
        this.pamt = pamt;
        this.kot = kot;
        this.tds = tds;
    }

    @Override
    public Map<SeamcallLeaf, LeafHandler> handlers() {
        return Map.of(SeamcallLeaf.MNG_CREATE, this::create);
    }

    /** MNG.CREATE. The page is checked before the key id's owner, and is zeroed before entropy is asked for. */
    long create(LogicalProcessor lp, int version, SeamcallRegisters regs) {
        long tdrHpa = regs.rcx;
        if (!machine.hpas().isPrivate(regs.rdx)) {
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
        machine.memory().zeroPage(tdrHpa);
        machine.timing().spend(SeamcallLeaf.MNG_CREATE);
        if (!machine.entropy().getAsBoolean()) {
            return TdxStatus.RND_NO_ENTROPY.code();
        }
        kot.setState(hkid, KeyOwnershipTable.State.ASSIGNED);
        tds.create(tdrHpa, hkid);
        walk.assign(PageType.TDR, 0);
        return 0;
    }
}
