package dev.pamt.seamcall.emulator.tdmr;

import dev.pamt.seamcall.PageLevel;
import dev.pamt.seamcall.TdxStatus;
import dev.pamt.seamcall.emulator.platform.HpaRules;
import dev.pamt.seamcall.emulator.tdmr.TdmrInfo.Area;
import java.util.List;
import java.util.function.Predicate;

/**
 * What SYS.CONFIG demands of each TDMR, in the module's order (TDX module 1.5.25, TDH.SYS.CONFIG check 7 a to i).
 *
 * <p>A TDMR is checked against itself and those before it. The low word of a status says which: byte 0 the TDMR, byte 1
 * the reserved area or PAMT level, byte 2 the other TDMR.
 */
final class TdmrChecks {
    private static final long GIB = PageLevel.SIZE_1G.bytes();
    private static final long PAGE = PageLevel.SIZE_4K.bytes();

    private final HpaRules hpas;
    private final Cmrs cmrs;
    private final boolean dynamicPamt;

    TdmrChecks(HpaRules hpas, Cmrs cmrs, boolean dynamicPamt) {
        this.hpas = hpas;
        this.cmrs = cmrs;
        this.dynamicPamt = dynamicPamt;
    }

    /** Checks the last TDMR of a list whose others have passed. */
    long check(List<TdmrInfo> tdmrs) {
        int index = tdmrs.size() - 1;
        TdmrInfo tdmr = tdmrs.get(index);
        long status = checkOrder(tdmrs, index, tdmr);
        if (status == 0) {
            status = checkBounds(index, tdmr);
        }
        if (status == 0) {
            status = checkReserved(index, tdmr);
        }
        if (status == 0) {
            status = checkPamtBounds(index, tdmr);
        }
        if (status == 0) {
            status = checkPamtsApart(tdmrs, index, tdmr);
        }
        if (status == 0) {
            status = checkPamtsOutsideUsable(tdmrs, index);
        }
        if (status == 0) {
            status = checkPamtsInCmrs(index, tdmr);
        }
        return status != 0 ? status : checkUsableInCmrs(index, tdmr);
    }

    private static long checkOrder(List<TdmrInfo> tdmrs, int index, TdmrInfo tdmr) {
        if (!new Area(tdmr.baseHpa(), tdmr.bytes()).isRange()) {
            return TdxStatus.INVALID_TDMR.with(index);
        }
        if (index > 0
                && Long.compareUnsigned(tdmr.baseHpa(), tdmrs.get(index - 1).endHpa()) < 0) {
            return TdxStatus.NON_ORDERED_TDMR.with(index);
        }
        return 0;
    }

    private long checkBounds(int index, TdmrInfo tdmr) {
        boolean good = hpas.isAligned(tdmr.baseHpa(), GIB)
                && (tdmr.bytes() & GIB - 1) == 0
                && tdmr.bytes() != 0
                && hpas.isAligned(tdmr.endHpa() - 1, 1);
        return good ? 0 : TdxStatus.INVALID_TDMR.with(index);
    }

    private static long checkReserved(int index, TdmrInfo tdmr) {
        for (int j = 0; j < TdmrInfo.RESERVED_AREAS; j++) {
            Area area = tdmr.reserved().get(j);
            if (area.bytes() == 0) {
                if (j + 1 < TdmrInfo.RESERVED_AREAS
                        && tdmr.reserved().get(j + 1).bytes() != 0) {
                    return TdxStatus.NON_ORDERED_RESERVED_IN_TDMR.with(info(index, j, 0));
                }
                continue;
            }
            if (!area.isRange()) {
                return TdxStatus.INVALID_RESERVED_IN_TDMR.with(info(index, j, 0));
            }
            // That the area before this one wraps nowhere was checked, so one comparison covers order and overlap.
            if (j > 0
                    && Long.compareUnsigned(
                                    area.start(), tdmr.reserved().get(j - 1).end())
                            < 0) {
                return TdxStatus.NON_ORDERED_RESERVED_IN_TDMR.with(info(index, j, 0));
            }
            boolean aligned = ((area.start() | area.bytes()) & PAGE - 1) == 0;
            if (!aligned || Long.compareUnsigned(area.end(), tdmr.bytes()) > 0) {
                return TdxStatus.INVALID_RESERVED_IN_TDMR.with(info(index, j, 0));
            }
        }
        return 0;
    }

    private long checkPamtBounds(int index, TdmrInfo tdmr) {
        for (PageLevel level : new PageLevel[] {PageLevel.SIZE_1G, PageLevel.SIZE_2M, PageLevel.SIZE_4K}) {
            Area pamt = pamtOf(tdmr, level);
            boolean good = pamt.isRange()
                    && (pamt.bytes() & PAGE - 1) == 0
                    && hpas.isAligned(pamt.start(), PAGE)
                    && hpas.isAligned(pamt.end() - 1, 1)
                    && Long.compareUnsigned(pamt.bytes(), pamtBytes(tdmr, level)) >= 0;
            if (!good) {
                return TdxStatus.INVALID_PAMT.with(info(index, level.code(), 0));
            }
        }
        return 0;
    }

    private long pamtBytes(TdmrInfo tdmr, PageLevel level) {
        long pages = tdmr.bytes() >>> level.shift();
        return dynamicPamt && level == PageLevel.SIZE_4K ? pages / Byte.SIZE : pages * Tdmr.ENTRY_BYTES;
    }

    private static long checkPamtsApart(List<TdmrInfo> tdmrs, int index, TdmrInfo tdmr) {
        for (int other = 0; other < index; other++) {
            for (PageLevel level : PageLevel.values()) {
                Area pamt = pamtOf(tdmr, level);
                for (PageLevel otherLevel : PageLevel.values()) {
                    if (pamt.overlaps(pamtOf(tdmrs.get(other), otherLevel))) {
                        return TdxStatus.PAMT_OVERLAP.with(info(index, level.code(), other));
                    }
                }
            }
        }
        if (tdmr.pamt4k().overlaps(tdmr.pamt2m()) || tdmr.pamt4k().overlaps(tdmr.pamt1g())) {
            return TdxStatus.PAMT_OVERLAP.with(info(index, PageLevel.SIZE_4K.code(), index));
        }
        if (tdmr.pamt2m().overlaps(tdmr.pamt1g())) {
            return TdxStatus.PAMT_OVERLAP.with(info(index, PageLevel.SIZE_2M.code(), index));
        }
        return 0;
    }

    private static long checkPamtsOutsideUsable(List<TdmrInfo> tdmrs, int index) {
        for (int other = 0; other <= index; other++) {
            long status = checkPamtOutsideUsable(tdmrs, index, other);
            if (status == 0 && other < index) {
                status = checkPamtOutsideUsable(tdmrs, other, index);
            }
            if (status != 0) {
                return status;
            }
        }
        return 0;
    }

    private static long checkPamtOutsideUsable(List<TdmrInfo> tdmrs, int pamtOf, int usableOf) {
        for (PageLevel level : PageLevel.values()) {
            Area pamt = pamtOf(tdmrs.get(pamtOf), level);
            if (anyUsable(tdmrs.get(usableOf), pamt::overlaps)) {
                return TdxStatus.PAMT_OVERLAP.with(info(pamtOf, level.code(), usableOf));
            }
        }
        return 0;
    }

    private long checkPamtsInCmrs(int index, TdmrInfo tdmr) {
        for (PageLevel level : new PageLevel[] {PageLevel.SIZE_1G, PageLevel.SIZE_2M, PageLevel.SIZE_4K}) {
            Area pamt = pamtOf(tdmr, level);
            if (!cmrs.contain(pamt.start(), pamt.end())) {
                return TdxStatus.PAMT_OUTSIDE_CMRS.with(info(index, level.code(), 0));
            }
        }
        return 0;
    }

    private long checkUsableInCmrs(int index, TdmrInfo tdmr) {
        boolean outside = anyUsable(tdmr, usable -> !cmrs.contain(usable.start(), usable.end()));
        return outside ? TdxStatus.TDMR_OUTSIDE_CMRS.with(index) : 0;
    }

    /** Whether a condition holds for one of the parts of a TDMR that are not reserved. */
    private static boolean anyUsable(TdmrInfo tdmr, Predicate<Area> condition) {
        long start = tdmr.baseHpa();
        for (int j = 0; j < TdmrInfo.RESERVED_AREAS && tdmr.reserved().get(j).bytes() != 0; j++) {
            Area reserved = tdmr.reservedRange(j);
            if (start != reserved.start() && condition.test(new Area(start, reserved.start() - start))) {
                return true;
            }
            start = reserved.end();
        }
        return start != tdmr.endHpa() && condition.test(new Area(start, tdmr.endHpa() - start));
    }

    private static Area pamtOf(TdmrInfo tdmr, PageLevel level) {
        return switch (level) {
            case SIZE_4K -> tdmr.pamt4k();
            case SIZE_2M -> tdmr.pamt2m();
            case SIZE_1G -> tdmr.pamt1g();
        };
    }

    private static long info(int tdmr, int areaOrLevel, int otherTdmr) {
        return tdmr | areaOrLevel << 8 | otherTdmr << 16;
    }
}
