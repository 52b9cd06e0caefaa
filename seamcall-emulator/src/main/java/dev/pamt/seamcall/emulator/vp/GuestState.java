package dev.pamt.seamcall.emulator.vp;

import dev.pamt.seamcall.emulator.guest.GuestAction;

/**
 * What a vCPU's own pages keep of the guest in it.
 *
 * <p>Belongs to the processor that has made the vCPU active, and to none between entries.
 */
public final class GuestState {
    /** How the guest left the TD last. */
    public enum LastExit {
        /** By a VMCALL, or not at all yet. */
        VMCALL,
        /** By something that it will do again. */
        FAULT,
        /** By something that is done. */
        TRAP
    }

    /** What the last virtualisation exception was about. */
    public record VeInfo(long qualification, long gpa) {}

    private long enteredEpoch;
    private long rax;
    private boolean longMode;
    private LastExit lastExit = LastExit.VMCALL;
    private VeInfo veInfo;
    private GuestAction unfinished;
    private long rip;
    private long faultRip = -1;
    private int faultsAtRip;
    private long faultGpa;
    private long busySince;
    private boolean busy;

    GuestState() {}

    /** RAX of the guest. */
    public long rax() {
        return rax;
    }

    /** Sets RAX of the guest. */
    public void setRax(long value) {
        rax = value;
    }

    /** Whether the guest runs in 64-bit mode; TDCALL needs it. */
    public boolean longMode() {
        return longMode;
    }

    /** Switches to 64-bit mode. */
    public void enterLongMode() {
        longMode = true;
    }

    /** How the guest left last. */
    public LastExit lastExit() {
        return lastExit;
    }

    /** Keeps the action that the guest is at; must be set before it can leave, since others may then come in. */
    public void setUnfinished(GuestAction action) {
        unfinished = action;
    }

    /** The action that the guest will do again since it left by a fault, or null. */
    public GuestAction takeUnfinished() {
        GuestAction action = lastExit == LastExit.FAULT ? unfinished : null;
        unfinished = null;
        return action;
    }

    void setLastExit(LastExit how) {
        lastExit = how;
    }

    /** What the last virtualisation exception was about; null once it was fetched. */
    public VeInfo veInfo() {
        return veInfo;
    }

    /** Keeps what a virtualisation exception is about, or forgets it. */
    public void setVeInfo(VeInfo info) {
        veInfo = info;
    }

    /** Goes on to the next instruction. */
    public void advance() {
        rip++;
    }

    /** Counts an access that faulted out to the host from the current instruction. */
    public void countFault(long gpa) {
        faultsAtRip = faultRip == rip ? faultsAtRip + 1 : 1;
        faultRip = rip;
        faultGpa = gpa;
    }

    /** Whether so many faults in a row at one instruction look like single-stepping by the host. */
    boolean suspectsZeroStep(int threshold) {
        return faultRip == rip && faultsAtRip >= threshold;
    }

    long faultGpa() {
        return faultGpa;
    }

    /** Notes that host priority has turned the guest away; since when that has been so. */
    public long busySince(long now) {
        if (!busy) {
            busy = true;
            busySince = now;
        }
        return busySince;
    }

    /** Forgets that host priority has turned the guest away. */
    public void notBusy() {
        busy = false;
    }

    long enteredEpoch() {
        return enteredEpoch;
    }

    void setEnteredEpoch(long epoch) {
        enteredEpoch = epoch;
    }
}
