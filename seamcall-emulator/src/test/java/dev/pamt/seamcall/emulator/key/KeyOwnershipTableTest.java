package dev.pamt.seamcall.emulator.key;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.pamt.seamcall.emulator.key.KeyOwnershipTable.State;
import java.util.BitSet;
import org.junit.jupiter.api.Test;

/** The key ownership table keeps each key id's state and packages apart. */
class KeyOwnershipTableTest {
    private final KeyOwnershipTable table = new KeyOwnershipTable(4);

    @Test
    void aKeyIdIsFreeAtFirstAndNeedsNoWriteBack() {
        for (int hkid = 0; hkid < 4; hkid++) {
            assertEquals(State.FREE, table.state(hkid));
            assertEquals(0, table.writeBackPackages(hkid));
        }
        assertEquals(new BitSet(), table.flushedHkids());
    }

    @Test
    void theFirstAndTheLastKeyIdCanBeFlushed() {
        table.setState(0, State.FLUSHED);
        table.setState(1, State.ASSIGNED);
        table.setState(2, State.RESERVED);
        table.setState(3, State.FLUSHED);
        assertEquals(BitSet.valueOf(new long[] {9}), table.flushedHkids());
    }

    @Test
    void aPackageThatHasWrittenBackIsTakenOutAlone() {
        table.setWriteBackPackages(1, 7);
        table.setWriteBackPackages(2, 7);
        table.clearWriteBackPackage(1, 2);
        table.clearWriteBackPackage(1, 2);
        assertEquals(5, table.writeBackPackages(1));
        assertEquals(7, table.writeBackPackages(2));
    }

    @Test
    void thereIsOneLock() {
        assertSame(table.lock(), table.lock());
    }
}
