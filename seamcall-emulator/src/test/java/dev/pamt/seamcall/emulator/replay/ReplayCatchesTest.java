package dev.pamt.seamcall.emulator.replay;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.pamt.seamcall.PhysicalMemory;
import dev.pamt.seamcall.SeamcallPlatform;
import dev.pamt.seamcall.conformance.Conformance;
import dev.pamt.seamcall.conformance.Difference;
import dev.pamt.seamcall.conformance.Recording;
import dev.pamt.seamcall.conformance.ReplayResult;
import dev.pamt.seamcall.emulator.EmulatorFactory;
import dev.pamt.seamcall.harness.GuestDriver;
import dev.pamt.seamcall.harness.ModuleInspection;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * A replay notices when one thing that it can see of a module, or do to it, is wrong; else it would prove nothing.
 *
 * <p>{@code GuestDriver.advance} is missing: no recording has a guest that faults often enough for it to matter.
 */
class ReplayCatchesTest {
    /** Between the name of a method and the last argument with which it is wrong; with others it is right. */
    private static final String LAST_ARGUMENT = "#";

    @ParameterizedTest
    @CsvSource({
        "lockWord, locks_01_add_remove",
        "setLockWord, locks_01_add_remove",
        "pamtEntryWord, rnd_01_tiny",
        "isInPageBitmap, add_02_pair_pages",
        "setKeyTableLock, td_01_create_addcx_reclaim",
        "setEntropyFails, td_01_create_addcx_reclaim",
        "setInterruptPending, td_03_demote_promote",
        "read64, remove_02_contents_and_stale",
        "septEntry, accept_01",
        "setSeptEntry, accept_01",
        "tdLock, accept_01",
        "setTdLock, accept_01",
        "interruptAfterPolls, accept_01",
        "advanceClock, accept_01",
        "rax, accept_01",
        "setRax, accept_01",
        "enterLongMode, accept_01"
    })
    void oneWrongThing(String method, String recording) {
        assertFalse(differences(method, recording).isEmpty());
    }

    /** Each word of PAMT entries alone: after a call, and where the harness of the recording has read an entry. */
    @ParameterizedTest
    @CsvSource({"0, rnd_01_tiny", "1, rnd_01_tiny", "0, static_02_td", "1, static_02_td"})
    void oneWrongWordOfPamtEntries(int index, String recording) {
        List<Difference> differences = differences("pamtEntryWord" + LAST_ARGUMENT + index, recording);
        assertFalse(differences.isEmpty());
        assertTrue(
                differences.stream()
                        .allMatch(difference -> difference.register().endsWith("[" + index + "]")),
                differences::toString);
    }

    @Test
    void nothingIfNothingIsWrong() {
        assertEquals(List.of(), differences("none", "accept_01"));
    }

    /** The differences of a recording, which is replayed whole. */
    private static List<Difference> differences(String wrong, String recording) {
        ReplayResult result = Conformance.of(
                        config -> spoiled(SeamcallPlatform.class, new EmulatorFactory().open(config), wrong))
                .replay(Recording.shipped(recording));
        assertEquals(List.of(), result.skips());
        return result.differences();
    }

    /** The same object, of which one method does nothing or says something else. */
    private static <T> T spoiled(Class<T> type, T good, String wrong) {
        return type.cast(Proxy.newProxyInstance(
                ReplayCatchesTest.class.getClassLoader(), new Class<?>[] {type}, (proxy, method, arguments) -> {
                    boolean isWrong = method.getName().equals(wrong)
                            || (arguments != null
                                    && wrong.equals(
                                            method.getName() + LAST_ARGUMENT + arguments[arguments.length - 1]));
                    if (isWrong && method.getReturnType() == void.class) {
                        return null;
                    }
                    Object answer;
                    try {
                        answer = method.invoke(good, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                    return isWrong ? another(answer) : reachable(answer, wrong);
                }));
    }

    private static Object another(Object answer) {
        if (answer instanceof Boolean bit) {
            return !bit;
        }
        return answer instanceof Integer word ? (Object) (word ^ 4) : (Object) ((Long) answer ^ 1L << 40);
    }

    private static Object reachable(Object answer, String wrong) {
        if (answer instanceof PhysicalMemory memory) {
            return spoiled(PhysicalMemory.class, memory, wrong);
        }
        if (answer instanceof Optional<?> part && part.isPresent()) {
            return part.get() instanceof GuestDriver guests
                    ? Optional.of(spoiled(GuestDriver.class, guests, wrong))
                    : Optional.of(spoiled(ModuleInspection.class, (ModuleInspection) part.get(), wrong));
        }
        return answer;
    }
}
