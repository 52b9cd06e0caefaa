package dev.pamt.seamcall.emulator.lock;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.pamt.seamcall.emulator.platform.ModuleFatal;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The lock word moves as recorded, and the bits above it never do. */
class HostPriorityLockTest {
    private static final long ABOVE = 0x0102_0304_050F_0000L;
    private final long[] words = new long[2];

    @ParameterizedTest
    @CsvSource({"0, 4, true", "2, 4, true", "4, 8, true", "6, 8, true", "1, 7, false", "7, 0xB, false", "3, 7, false"})
    void shared(String before, String after, boolean acquired) {
        set(before);
        assertEquals(acquired, HostPriorityLock.acquireShared(words, 1));
        assertWord(after);
    }

    @ParameterizedTest
    @CsvSource({"0, 1, true", "2, 1, true", "1, 3, false", "4, 6, false", "6, 6, false", "7, 7, false"})
    void exclusive(String before, String after, boolean acquired) {
        set(before);
        assertEquals(acquired, HostPriorityLock.acquireExclusive(words, 1));
        assertWord(after);
    }

    @ParameterizedTest
    @CsvSource({"4, 1, true", "6, 1, true", "8, 0xA, false", "0xA, 0xA, false"})
    void promote(String before, String after, boolean promoted) {
        set(before);
        assertEquals(promoted, HostPriorityLock.promote(words, 1));
        assertWord(after);
    }

    @ParameterizedTest
    @CsvSource({"1, 0", "3, 2", "7, 2", "0xF, 2", "5, 0"})
    void releaseOfTheExclusiveHoldKeepsOnlyHostPriority(String before, String after) {
        set(before);
        HostPriorityLock.releaseExclusive(words, 1);
        assertWord(after);
    }

    @ParameterizedTest
    @CsvSource({"4, 0", "6, 2", "8, 4"})
    void releaseOfAShareKeepsHostPriority(String before, String after) {
        set(before);
        HostPriorityLock.releaseShared(words, 1);
        assertWord(after);
    }

    @Test
    void aReleaseOfWhatIsNotHeldIsFatal() {
        set("4");
        assertEquals(
                201,
                assertThrows(ModuleFatal.class, () -> HostPriorityLock.releaseExclusive(words, 1))
                        .id());
        set("2");
        assertEquals(
                200,
                assertThrows(ModuleFatal.class, () -> HostPriorityLock.releaseShared(words, 1))
                        .id());
    }

    @ParameterizedTest
    @CsvSource({"0, 203", "1, 203", "5, 203"})
    void promotionOfAShareThatIsNotHeldIsFatal(String before, int id) {
        set(before);
        assertEquals(
                id,
                assertThrows(ModuleFatal.class, () -> HostPriorityLock.promote(words, 1))
                        .id());
    }

    @ParameterizedTest
    @CsvSource({"1, 200", "5, 200", "0, 200"})
    void aShareOfAnExclusiveHolderCannotBeGivenBack(String before, int id) {
        set(before);
        assertEquals(
                id,
                assertThrows(ModuleFatal.class, () -> HostPriorityLock.releaseShared(words, 1))
                        .id());
    }

    @ParameterizedTest
    @CsvSource({"0, false", "1, false", "4, false", "2, true", "3, true", "6, true"})
    void hostPriorityIsBit1(String word, boolean expected) {
        set(word);
        assertEquals(expected, HostPriorityLock.hostPriority(words, 1));
    }

    @Test
    void aFullCounterWrapsWithinItsSixteenBits() {
        set("0xFFFD");
        assertEquals(false, HostPriorityLock.acquireShared(words, 1));
        assertWord("3");
        set("0xFFFC");
        assertEquals(
                198,
                assertThrows(ModuleFatal.class, () -> HostPriorityLock.acquireShared(words, 1))
                        .id());
        assertWord("0");
    }

    private void set(String word) {
        words[1] = ABOVE | Long.decode(word);
    }

    private void assertWord(String expected) {
        assertEquals(Long.toHexString(ABOVE | Long.decode(expected)), Long.toHexString(words[1]));
        assertEquals(0, words[0]);
    }
}
