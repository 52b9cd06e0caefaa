package dev.pamt.seamcall.emulator.key;

import dev.pamt.seamcall.emulator.lock.SharedExclusiveLock;
import java.util.Arrays;
import java.util.BitSet;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * The key ownership table (KOT): which key id is in use, and which package must still write its caches back.
 *
 * <p>Guarded by its lock, which is taken and given back by the handlers; the methods here do not lock.
 */
public final class KeyOwnershipTable {
    /** What a key id is used for. */
    public enum State {
        /** Nothing. */
        FREE,
        /** By a TD. */
        ASSIGNED,
        /** By a TD whose vCPUs are flushed; caches may still hold its lines. */
        FLUSHED,
        /** By the module itself. */
        RESERVED
    }

    private final SharedExclusiveLock lock = new SharedExclusiveLock();
    private final State[] states;
    private final AtomicIntegerArray writeBackPackages;

    /** Makes a table with all key ids free. */
    public KeyOwnershipTable(int hkids) {
        states = new State[hkids];
        writeBackPackages = new AtomicIntegerArray(hkids);
        Arrays.fill(states, State.FREE);
    }

    /** The lock of the table. */
    public SharedExclusiveLock lock() {
        return lock;
    }

    /** What a key id is used for. */
    public State state(int hkid) {
        return states[hkid];
    }

    /** Changes what a key id is used for. */
    public void setState(int hkid, State state) {
        states[hkid] = state;
    }

    /** The packages, a bit for each, that must write their caches back before the key id can be free. */
    public int writeBackPackages(int hkid) {
        return writeBackPackages.get(hkid);
    }

    /** Notes that a package has written its caches back; done under the shared lock, hence atomic. */
    public void clearWriteBackPackage(int hkid, int packageBit) {
        writeBackPackages.getAndUpdate(hkid, packages -> packages & ~packageBit);
    }

    /** The key ids that are flushed. */
    public BitSet flushedHkids() {
        BitSet flushed = new BitSet();
        for (int hkid = 0; hkid < states.length; hkid++) {
            flushed.set(hkid, states[hkid] == State.FLUSHED);
        }
        return flushed;
    }

    /** Sets the packages that must write their caches back. */
    public void setWriteBackPackages(int hkid, int packages) {
        writeBackPackages.set(hkid, packages);
    }
}
