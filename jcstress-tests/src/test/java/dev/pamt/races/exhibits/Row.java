package dev.pamt.races.exhibits;

import dev.pamt.races.exhibits.BiasMinusOne.Form;
import dev.pamt.races.exhibits.DecrementOutside.Version;
import java.util.Set;

/** The exhibits, as {@code docs/protocols.md} names them, and the races that each is known for. */
@SuppressWarnings("ImmutableEnumChecker") // the makers are lambdas without state
enum Row {
    NAIVE("naive", Set.of(Race.R1), (region, donor, lock) -> new Naive(region, donor)),
    V1("v1", Set.of(Race.R15), Row.decrementOutside(Version.V1)),
    BIAS_SKETCHED("bias -1, sketched", Set.of(Race.R5, Race.R6), Row.bias(Form.SKETCHED)),
    BIAS_REPAIRED_ONCE("bias -1, repaired once", Set.of(Race.R4), Row.bias(Form.REPAIRED_ONCE)),
    BIAS_REPAIRED("bias -1, repaired", Set.of(Race.R4, Race.R5, Race.R6), Row.bias(Form.REPAIRED)),
    V2_TO_V5("v2-v5 with restore", Set.of(Race.R4), Row.decrementOutside(Version.V2_TO_V5)),
    V3_SIMPLE("v3 simple", Set.of(Race.R7), Row.decrementOutside(Version.V3_SIMPLE)),
    V4("v4 optimised", Set.of(Race.R8), Row.decrementOutside(Version.V4)),
    V6_ALWAYS_LOCK("v6 always-lock (merged)", Set.of(Race.R16, Race.R20), Row.version6(Version6.Form.ALWAYS_LOCK)),
    V6_DEC_AND_LOCK("v6 dec-and-lock", Set.of(Race.R4, Race.R15), Row.version6(Version6.Form.DEC_AND_LOCK)),
    MIXED("v6 mixed", Set.of(Race.R20), Row.version6(Version6.Form.MIXED)),
    HINT_DRIVEN("hint-driven", Set.of(Race.R12, Race.R22), (region, donor, lock) -> new HintDriven(region, donor)),
    STRIPED_BY_TARGET("striped by target", Set.of(Race.R10), Row.version6(Version6.Form.DEC_AND_LOCK)),
    DEMOTE_OUTSIDE("DEMOTE outside the lock", Set.of(Race.R11), Row.version6(Version6.Form.DEC_AND_LOCK)),
    DEMOTE_UNDER_THE_LOCK("DEMOTE under the lock", Set.of(Race.R11), Row.version6(Version6.Form.DEC_AND_LOCK)),
    SPLIT_CACHE("per-VM split cache", Set.of(Race.R14), Row.version6(Version6.Form.DEC_AND_LOCK)),
    PUT_TOO_EARLY("put before PAGE.REMOVE returned", Set.of(Race.R22), Row.version6(Version6.Form.DEC_AND_LOCK));

    final String title;
    final Set<Race> knownFor;
    final Maker maker;

    Row(String title, Set<Race> knownFor, Maker maker) {
        this.title = title;
        this.knownFor = knownFor;
        this.maker = maker;
    }

    /** Makes the protocol of a region, with the lock that it shares with others. */
    interface Maker {
        Protocol make(ModelRegion region, ModelRegion donor, Object lock);
    }

    private static Maker decrementOutside(Version version) {
        return (region, donor, lock) -> new DecrementOutside(version, region, donor, lock);
    }

    private static Maker bias(Form form) {
        return (region, donor, lock) -> new BiasMinusOne(form, region, donor, lock);
    }

    private static Maker version6(Version6.Form form) {
        return (region, donor, lock) -> new Version6(form, region, donor, lock);
    }
}
