package dev.pamt.races.exhibits;

import dev.pamt.races.exhibits.ModelRegion.Status;
import dev.pamt.races.exhibits.World.Use;
import java.util.function.Function;

/** The races of the catalogue that a protocol can lose: who does what at the same time, and what must not come out. */
@SuppressWarnings("ImmutableEnumChecker") // the makers are lambdas without state
enum Race {
    R1(TwoGetters::new, "a getter uses a page before the pair is there"),
    R2(TwoGetters::new, "the second getter is refused"),
    R3(GetBesideLastPut::new, "the getter is refused: the count is zero and the pair not yet removed"),
    R4(ComeAndGoBesideLastPut::new, "afterwards the region cannot be used, or is not backed when it says so"),
    R5(GetBesideLastPut::new, "the getter was told yes while its pair was taken away"),
    R6(GetBesideLastPut::new, "no one uses the region and its pair stays"),
    R7(TwoGetters::new, "one of two users has left and the pair is gone"),
    R8(RefusedAdd::new, "a refused ADD is reported as success"),
    R10(TwoRegions::new, "an ADD is busy although its target is another region"),
    R11(GetBesideDemote::new, "an ADD or a DEMOTE of another TD is busy"),
    R12(GetBesideLastPut::new, "the pair went between the get and the AUG"),
    R13(RefusedRemove::new, "the leftover pair makes a 2M mapping fail"),
    R14(TwoSplitters::new, "one splitter has eaten what the other had topped up"),
    R15(StrayPut::new, "a stray put has turned the next get into a lie"),
    R16(RefusedRemove::new, "the pair is pinned for ever, or the region useless"),
    R20(GetBesideLastPut::new, "the getter was told yes while its pair was taken away"),
    R21(TwoWhoComeAndGo::new, "two calls for one region were in the module at once"),
    R22(Race::pageRemoveInFlight, "REMOVE met a PAGE.REMOVE in flight: fatal error 343"),
    R23(GetBesideAudit::new, "a get fails because another thread looked at the region");

    final String loss;
    private final Function<World, Contest> maker;

    Race(Function<World, Contest> maker, String loss) {
        this.maker = maker;
        this.loss = loss;
    }

    Contest contest(World world) {
        return maker.apply(world);
    }

    private static Contest pageRemoveInFlight(World world) {
        return world.row == Row.PUT_TOO_EARLY ? new PutBesidePageRemove(world) : new ComeAndGoBesideLastPut(world);
    }

    /** Two threads at work on one world. */
    abstract static class Contest {
        final World world;

        Contest(World world) {
            this.world = world;
        }

        abstract void first();

        abstract void second();

        /** Whether the race is lost, when both threads have come to their ends. */
        abstract boolean isLost(Race race);
    }

    private static final class TwoGetters extends Contest {
        private boolean oneGot;
        private boolean twoGot;
        private Use one;
        private Use two;

        TwoGetters(World world) {
            super(world);
        }

        @Override
        void first() {
            oneGot = world.a.get();
            one = oneGot ? world.use() : Use.REFUSED;
        }

        @Override
        void second() {
            twoGot = world.a.get();
            two = twoGot ? world.use() : Use.REFUSED;
        }

        @Override
        boolean isLost(Race race) {
            return switch (race) {
                case R1 -> one == Use.UNBACKED || two == Use.UNBACKED;
                case R2 -> !oneGot || !twoGot;
                default -> oneIsLeftUnbackedByTheOther();
            };
        }

        /** Looks at the pair only, because the other's page is not in use and so does not hold REMOVE off. */
        private boolean oneIsLeftUnbackedByTheOther() {
            if (one != Use.BACKED || two != Use.BACKED) {
                return false;
            }
            world.regionA.pageRemove();
            world.a.put(world.regionA.pageRemove());
            return !world.regionA.isBacked();
        }
    }

    /** There is one user, who leaves; another comes. */
    private static final class GetBesideLastPut extends Contest {
        private Use use;

        GetBesideLastPut(World world) {
            super(world);
            world.take();
        }

        @Override
        void first() {
            world.drop();
        }

        @Override
        void second() {
            use = world.take();
        }

        @Override
        boolean isLost(Race race) {
            return switch (race) {
                case R3 -> use == Use.REFUSED;
                case R12 -> use == Use.UNBACKED;
                case R6 -> leavesAPair();
                default -> use == Use.UNBACKED || use == Use.BUSY || (use == Use.BACKED && !world.regionA.isBacked());
            };
        }

        private boolean leavesAPair() {
            if (use != Use.BACKED) {
                return false;
            }
            world.drop();
            return world.regionA.isBacked();
        }
    }

    /** There is one user, who leaves; another comes and goes. */
    private static final class ComeAndGoBesideLastPut extends Contest {
        ComeAndGoBesideLastPut(World world) {
            super(world);
            world.take();
        }

        @Override
        void first() {
            world.drop();
        }

        @Override
        void second() {
            world.dropIfTaken(world.take());
        }

        @Override
        boolean isLost(Race race) {
            if (race == R22) {
                return world.regionA.hasHalted();
            }
            Use next = world.take();
            return next == Use.UNBACKED || next == Use.REFUSED;
        }
    }

    /** A caller that breaks the contract: the reference goes while PAGE.REMOVE is still under way. */
    private static final class PutBesidePageRemove extends Contest {
        PutBesidePageRemove(World world) {
            super(world);
            world.take();
        }

        @Override
        void first() {
            world.regionA.pageRemove();
        }

        @Override
        void second() {
            world.a.put(true);
        }

        @Override
        boolean isLost(Race race) {
            return world.regionA.hasHalted();
        }
    }

    private static final class TwoWhoComeAndGo extends Contest {
        TwoWhoComeAndGo(World world) {
            super(world);
        }

        @Override
        void first() {
            world.dropIfTaken(world.take());
        }

        @Override
        void second() {
            world.dropIfTaken(world.take());
        }

        @Override
        boolean isLost(Race race) {
            return world.regionA.busyAnswers() > 0;
        }
    }

    private static final class TwoRegions extends Contest {
        private boolean gotA;
        private boolean gotB;

        TwoRegions(World world) {
            super(world);
        }

        @Override
        void first() {
            gotA = world.a.get();
        }

        @Override
        void second() {
            gotB = world.b.get();
        }

        @Override
        boolean isLost(Race race) {
            return !gotA || !gotB || !world.regionA.isBacked() || !world.regionB.isBacked();
        }
    }

    private static final class GetBesideDemote extends Contest {
        private boolean got;
        private Status demoted;

        GetBesideDemote(World world) {
            super(world);
        }

        @Override
        void first() {
            got = world.a.get();
        }

        @Override
        void second() {
            demoted = world.demote();
        }

        @Override
        boolean isLost(Race race) {
            return !got || demoted != Status.SUCCESS;
        }
    }

    private static final class GetBesideAudit extends Contest {
        private Use use;

        GetBesideAudit(World world) {
            super(world);
        }

        @Override
        void first() {
            use = world.take();
        }

        @Override
        void second() {
            world.regionA.walk();
        }

        @Override
        boolean isLost(Race race) {
            return use != Use.BACKED;
        }
    }

    /** One thread at a time; what happens is decided by what the module refuses. */
    private abstract static class Alone extends Contest {
        Alone(World world) {
            super(world);
        }

        @Override
        void second() {}
    }

    private static final class RefusedAdd extends Alone {
        private Use use;

        RefusedAdd(World world) {
            super(world);
            world.regionA.refuseNextAdd();
        }

        @Override
        void first() {
            use = world.take();
        }

        @Override
        boolean isLost(Race race) {
            return use == Use.UNBACKED;
        }
    }

    private static final class RefusedRemove extends Alone {
        RefusedRemove(World world) {
            super(world);
            world.take();
            world.regionA.refuseNextRemove();
        }

        @Override
        void first() {
            world.drop();
        }

        @Override
        boolean isLost(Race race) {
            if (race == R13) {
                return world.regionA.aug2M() != Status.SUCCESS;
            }
            Use again = world.take();
            world.dropIfTaken(again);
            return again == Use.REFUSED || world.regionA.isBacked();
        }
    }

    private static final class StrayPut extends Alone {
        private Use use;

        StrayPut(World world) {
            super(world);
        }

        @Override
        void first() {
            world.a.put(true);
            use = world.take();
        }

        @Override
        boolean isLost(Race race) {
            return use == Use.UNBACKED;
        }
    }

    private static final class TwoSplitters extends Contest {
        private final SharedSplitCache cache = new SharedSplitCache();
        private boolean oneConsumed;
        private boolean twoConsumed;

        TwoSplitters(World world) {
            super(world);
        }

        @Override
        void first() {
            cache.topUp(1);
            oneConsumed = cache.consume(1);
        }

        @Override
        void second() {
            cache.topUp(1);
            twoConsumed = cache.consume(1);
        }

        @Override
        boolean isLost(Race race) {
            return !oneConsumed || !twoConsumed;
        }
    }
}
