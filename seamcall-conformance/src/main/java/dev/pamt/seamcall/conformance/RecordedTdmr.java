package dev.pamt.seamcall.conformance;

import java.util.List;

/** A TDMR of a recording, as TDMR_INFO has it. */
record RecordedTdmr(long baseHpa, long bytes, Area pamt1g, Area pamt2m, Area pamt4k, List<Area> reserved) {
    /** An address or an offset, and a size. */
    record Area(long start, long bytes) {}
}
