package dev.pamt.seamcall.harness;

import dev.pamt.seamcall.PageLevel;
import java.util.Optional;

/**
 * What only a test harness can do with a module: read and write its locks and entries as another processor would leave
 * them, make entropy fail, interrupt it, act as its guests.
 *
 * <p>A backend that emulates a module offers this so that recordings of a real one can be replayed against it; a backend
 * that drives a real module cannot, and needs not. What a recording needs and a backend has not is skipped, with the
 * reason. Nothing here checks that what is written makes sense: a module whose words were set to what no processor leaves
 * may shut down.
 *
 * <p><b>Thread-safety:</b> any thread; a single word is read and written atomically, but nothing here takes the module's
 * locks, so a harness uses it while no call is inside. <b>Progress:</b> never waits.
 *
 * <p>Every method that names an address throws {@link IllegalArgumentException} if the module has nothing there: no TDMR, no
 * page pair, no TD.
 */
public interface ModuleInspection {
    /** The locks of a TD. */
    enum TdLock {
        /** The lock of the operation state: host-priority lock. */
        OP_STATE,
        /** The lock of the Secure EPT tree: host-priority lock. */
        SEPT_TREE,
        /** The lock of the TLB epoch: plain shared/exclusive lock. */
        EPOCH
    }

    /**
     * The raw lock word of a PAMT entry: bit 0 the exclusive holder, bit 1 host priority, bits 15:2 the sharers.
     *
     * @param level the level of the entry
     * @param hpa an address that the entry covers
     * @return 16 bits
     */
    int lockWord(PageLevel level, long hpa);

    /**
     * Writes the lock word of a PAMT entry, as another processor that holds or releases it would.
     *
     * @param level the level of the entry
     * @param hpa an address that the entry covers
     * @param word 16 bits
     */
    void setLockWord(PageLevel level, long hpa, int word);

    /**
     * One of the two words of a PAMT entry, lock and all.
     *
     * @param level the level of the entry
     * @param hpa an address that the entry covers
     * @param index 0 or 1
     * @return the word, little-endian
     */
    long pamtEntryWord(PageLevel level, long hpa, int index);

    /**
     * Whether the page bitmap has the bit of a page set: the page is part of a pair or reserved. Dynamic PAMT only.
     *
     * @param hpa the address of the page
     * @return true if the bit is set
     */
    boolean isInPageBitmap(long hpa);

    /**
     * The raw word of the lock of the key ownership table: bit 0 the exclusive holder, bits 15:1 the sharers.
     *
     * @return 16 bits
     */
    int keyTableLock();

    /**
     * Writes the lock word of the key ownership table.
     *
     * @param word 16 bits
     */
    void setKeyTableLock(int word);

    /**
     * Makes the processor run out of entropy, or ends that.
     *
     * @param fails true if requests for random numbers fail from now on
     */
    void setEntropyFails(boolean fails);

    /**
     * Makes an interrupt wait on all processors, or ends that.
     *
     * @param pending true if an interrupt is pending from now on
     */
    void setInterruptPending(boolean pending);

    /**
     * Makes an interrupt arrive later: it is seen once, by the poll after so many polls that see none.
     *
     * @param polls the number of polls that see none; negative for no such interrupt
     */
    void interruptAfterPolls(int polls);

    /**
     * Lets the module's clock go on, for its time limits.
     *
     * @param nanos nanoseconds, at least 0
     */
    void advanceClock(long nanos);

    /**
     * The raw Secure EPT entry of a guest address: the entry at the level, or above it where the walk ends earlier.
     *
     * @param tdrHpa the root page of the TD
     * @param gpa the guest address
     * @param level 0 for 4K, up to 3
     * @return the entry, with its internal bits
     */
    long septEntry(long tdrHpa, long gpa, int level);

    /**
     * Writes the raw Secure EPT entry of a guest address.
     *
     * @param tdrHpa the root page of the TD
     * @param gpa the guest address
     * @param level 0 for 4K, up to 3
     * @param entry the entry, with its internal bits
     */
    void setSeptEntry(long tdrHpa, long gpa, int level, long entry);

    /**
     * The raw word of a lock of a TD.
     *
     * @param tdrHpa the root page of the TD
     * @param lock which lock
     * @return 16 bits
     */
    int tdLock(long tdrHpa, TdLock lock);

    /**
     * Writes the raw word of a lock of a TD.
     *
     * @param tdrHpa the root page of the TD
     * @param lock which lock
     * @param word 16 bits
     */
    void setTdLock(long tdrHpa, TdLock lock, int word);

    /**
     * The TD of a vCPU.
     *
     * @param tdvprHpa the root page of the vCPU
     * @return the root page of its TD
     */
    long tdOf(long tdvprHpa);

    /**
     * The TLB epoch of a TD.
     *
     * @param tdrHpa the root page of the TD
     * @return the epoch; 0 if there is no such TD, or none yet
     */
    long epoch(long tdrHpa);

    /**
     * The number of 4K pages that a TD has, its root page not counted (CHLDCNT).
     *
     * @param tdrHpa the root page of the TD
     * @return pages; 0 if there is no such TD
     */
    long childPages(long tdrHpa);

    /**
     * The guests of the module, if the harness can act as one.
     *
     * @return the guests; empty if the backend has none that a harness can drive
     */
    Optional<GuestDriver> guests();
}
