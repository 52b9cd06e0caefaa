package dev.pamt.lab.host;

import java.util.BitSet;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.StampedLock;

/** What all parts of a TD's MMU work on. */
final class MmuState {
    final LabHost host;
    final Td td;
    final GuestMemory memory;
    final Mirror mirror;
    final MmuCalls calls;
    /** Not reentrant, and needs not be; a ReentrantReadWriteLock counts the holds of each reader, which shows in a fault. */
    final ReadWriteLock lock = new StampedLock().asReadWriteLock();

    /** Blocks that are never mapped as one page again, because the guest has accepted pages of 4K (GUEST_INHIBIT); under the lock. */
    final BitSet inhibited = new BitSet();

    MmuState(LabHost host, Td td, GuestMemory memory) {
        this.host = host;
        this.td = td;
        this.memory = memory;
        mirror = new Mirror(memory.blocks());
        calls = new MmuCalls(host, td);
    }
}
