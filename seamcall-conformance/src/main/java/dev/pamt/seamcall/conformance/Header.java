package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.TdxOperand;
import java.util.List;
import java.util.Map;

/**
 * The first line of a recording: what it was made on, and what registers hold that a call does not list.
 *
 * @param platform null if the recording does not say on what machine it was made
 * @param bringUp null if the machine is opened and no more
 * @param unlisted what registers hold
 * @param unlistedGuest what registers of guests hold
 */
record Header(
        RecordedPlatform platform,
        BringUp bringUp,
        Map<TdxOperand, Long> unlisted,
        Map<TdxOperand, Long> unlistedGuest) {
    /** Where the header is, for reports. */
    static final Line.Place PLACE = new Line.Place(1, Line.Place.NOT_NUMBERED, "header");

    /**
     * How far the module is brought up.
     *
     * @param options R8 of SYS.CONFIG
     * @param initCalls for each TDMR how often SYS.TDMR.INIT is called
     * @param sysConfigStatus what SYS.CONFIG returns
     */
    record BringUp(long options, List<RecordedTdmr> tdmrs, List<Long> initCalls, long sysConfigStatus) {}
}
