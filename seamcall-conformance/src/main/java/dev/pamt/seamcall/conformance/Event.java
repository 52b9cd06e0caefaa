package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.harness.ModuleInspection.TdLock;
import java.util.List;

/** What the recording's harness did between calls. The name of its place is the name of the event. */
sealed interface Event extends Line {
    /** Memory of the host. */
    sealed interface OfMemory extends Event {}

    /** The harness looks into the module. */
    sealed interface Look extends Event {}

    /** The harness changes the module's state; {@code old} is what was there, or null. */
    sealed interface Change extends Event {}

    record FillMemory(Place place, long hpa, long bytes, long value) implements OfMemory {}

    record WriteMemory(Place place, long hpa, long value) implements OfMemory {}

    record ReadMemory(Place place, long hpa, long value) implements OfMemory {}

    record ReadPamtLock(Place place, PageLevel level, long hpa, long raw) implements Look {}

    record ReadPamtEntry(Place place, PageLevel level, long hpa, List<Long> words) implements Look {}

    record ReadTdLock(Place place, TdLock lock, long tdvprHpa, long raw) implements Look {}

    record ReadSeptEntry(Place place, long tdvprHpa, long gpa, int level, long raw) implements Look {}

    record SetPamtLock(Place place, PageLevel level, long hpa, int raw, Long old) implements Change {}

    record SetTdLock(Place place, TdLock lock, long tdvprHpa, int raw, Long old) implements Change {}

    /** The entry of the TD of a vCPU, or, if that is null, of the TD that has the old entry. */
    record SetSeptEntry(Place place, Long tdvprHpa, long gpa, int level, long raw, long old) implements Change {}

    record SetKeyTableLock(Place place, int raw) implements Change {}

    record EntropyFails(Place place, boolean fails) implements Change {}

    record InterruptPending(Place place, boolean pending) implements Change {}

    /** An event that is none of these. */
    record Other(Place place) implements Event {}
}
