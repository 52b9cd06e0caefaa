package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.PhysicalRange;
import dev.pamt.seamcall.PlatformConfig;
import dev.pamt.seamcall.Seamcalls;
import dev.pamt.seamcall.TdxStatus;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/** Makes the machine of a recording of JSON: {@link Header}, {@link RecordedPlatform}, {@link RecordedTdmr}. */
final class MachineParser {
    private static final int CMR_BITS = 40;
    private static final int STATIC_INIT_SHIFT = 22;
    private static final int DYNAMIC_INIT_SHIFT = 24;

    /** What lines with a machine of their own were made on, where they do not say otherwise. */
    private static final JsonValue USUAL_PLATFORM = constant("{\"maxpa\": 46, \"hkid_start_bit\": 40,"
            + " \"private_hkid_min\": 32, \"private_hkid_max\": 63, \"num_lps\": 1, \"num_pkgs\": 1}");

    private static final JsonValue NOTHING = constant("{}");

    private MachineParser() {}

    private static JsonValue constant(String text) {
        try {
            return JsonValue.parse(text);
        } catch (IOException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    static boolean isHeader(JsonValue line) {
        return line.has("header");
    }

    static Header header(JsonValue line) {
        RecordedPlatform platform = line.orElse("platform", MachineParser::platform, null);
        boolean bringUp = line.orElse("bring_up", JsonValue::bool, true);
        return new Header(
                platform,
                bringUp ? bringUp(platform(line.get("platform")), line) : null,
                line.orElse("unlisted_regs", Registers::listed, Map.of()),
                line.orElse("unlisted_guest_regs", Registers::listed, Map.of()));
    }

    private static Header.BringUp bringUp(RecordedPlatform platform, JsonValue line) {
        boolean dynamic = line.get("dynamic_pamt").bool();
        List<RecordedTdmr> tdmrs = line.get("tdmrs").listOf(MachineParser::headerTdmr);
        // Where a recording does not say how far it went, it went all the way.
        List<Long> allCalls = tdmrs.stream()
                .map(tdmr -> tdmr.bytes() >>> (dynamic ? DYNAMIC_INIT_SHIFT : STATIC_INIT_SHIFT))
                .toList();
        List<Long> calls = line.orElse("tdmr_init_calls_done", done -> done.listOf(JsonValue::number), allCalls);
        if (calls.size() != tdmrs.size()) {
            throw new MalformedLineException(
                    "tdmr_init_calls_done has " + calls.size() + " numbers, but there are " + tdmrs.size() + " TDMRs");
        }
        return new Header.BringUp(
                sysConfigOptions(platform, dynamic),
                tdmrs,
                calls,
                line.orElse("sys_config_status", JsonValue::number, TdxStatus.SUCCESS.code()));
    }

    /** R8 of a SYS.CONFIG that says nothing of it. */
    static long sysConfigOptions(RecordedPlatform platform, boolean dynamicPamt) {
        if (platform.globalHkid() == null) {
            throw new MalformedLineException("field 'private_hkid_min' is missing");
        }
        return platform.globalHkid() | (dynamicPamt ? Seamcalls.SYS_CONFIG_DYNAMIC_PAMT : 0);
    }

    private static RecordedPlatform platform(JsonValue platform) {
        PlatformConfig.Builder config = PlatformConfig.builder()
                .cmrs(platform.orElse("cmrs", cmrs -> cmrs.listOf(MachineParser::range), usualCmrs(platform)))
                .processors(platform.get("num_lps").intValue())
                .packages(platform.get("num_pkgs").intValue());
        if (platform.has("maxpa")) {
            config.option(PlatformConfig.MAX_PA, platform.get("maxpa").number() + "")
                    .option(
                            PlatformConfig.HKID_START_BIT,
                            platform.get("hkid_start_bit").number() + "")
                    .option(
                            PlatformConfig.PRIVATE_HKIDS,
                            platform.get("private_hkid_min").number() + "-"
                                    + platform.get("private_hkid_max").number());
        }
        platform.orElse("options", options -> options, NOTHING)
                .fields()
                .forEach((name, value) -> config.option(name, value.text()));
        Long firstHkid = platform.orElse("private_hkid_min", JsonValue::number, null);
        return new RecordedPlatform(config.build(), platform.orElse("global_hkid", JsonValue::number, firstHkid));
    }

    /** The machine of a line that has one of its own. */
    static RecordedPlatform platformOfLine(JsonValue line) {
        return platform(line.orElse("platform", own -> own.orFieldsOf(USUAL_PLATFORM), USUAL_PLATFORM));
    }

    /** As much memory as the recordings were made with, or all below the key id if that begins lower. */
    private static List<PhysicalRange> usualCmrs(JsonValue platform) {
        int bits = Math.min(CMR_BITS, platform.orElse("hkid_start_bit", JsonValue::intValue, CMR_BITS));
        return List.of(new PhysicalRange(0, 1L << bits));
    }

    private static PhysicalRange range(JsonValue range) {
        return new PhysicalRange(range.get("base").number(), range.get("size").number());
    }

    private static RecordedTdmr headerTdmr(JsonValue tdmr) {
        return new RecordedTdmr(
                tdmr.get("base").number(),
                tdmr.get("size").number(),
                area(tdmr.get("pamt_1g"), "base"),
                area(tdmr.get("pamt_2m"), "base"),
                area(tdmr.get("pamt_4k"), "base"),
                tdmr.get("reserved").listOf(area -> area(area, "offset")));
    }

    private static RecordedTdmr.Area area(JsonValue area, String start) {
        return new RecordedTdmr.Area(area.get(start).number(), area.get("size").number());
    }

    /** A TDMR as lines of SYS.CONFIG list it. */
    static RecordedTdmr lineTdmr(JsonValue tdmr) {
        return new RecordedTdmr(
                tdmr.get("base").number(),
                tdmr.get("size").number(),
                pair(tdmr.get("p1g")),
                pair(tdmr.get("p2m")),
                pair(tdmr.get("p4k")),
                tdmr.get("rsvd").listOf(MachineParser::pair));
    }

    private static RecordedTdmr.Area pair(JsonValue area) {
        return new RecordedTdmr.Area(area.item(0).number(), area.item(1).number());
    }
}
