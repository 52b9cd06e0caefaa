package dev.pamt.races.exhibits;

import dev.pamt.races.exhibits.ModelRegion.Status;

/** Two regions, each kept backed by a protocol with donated pages of the other, and what callers do with the first. */
final class World {
    /** How the attempt to use a page of region A has ended. */
    enum Use {
        /** The protocol refused. */
        REFUSED,
        /** The module has the page. */
        BACKED,
        /** The protocol said yes, and the module that there is no pair. */
        UNBACKED,
        /** The protocol said yes, and the module that a call adds or removes the pair. */
        BUSY
    }

    final Row row;
    final ModelRegion regionA;
    final ModelRegion regionB;
    final Protocol a;
    final Protocol b;
    private final Object lock = new Object();

    World(Row row) {
        this.row = row;
        regionA = new ModelRegion();
        regionB = new ModelRegion();
        a = row.maker.make(regionA, regionB, lock);
        b = row.maker.make(regionB, regionA, row == Row.STRIPED_BY_TARGET ? new Object() : lock);
    }

    Use take() {
        return a.get() ? use() : Use.REFUSED;
    }

    Use use() {
        return switch (regionA.aug()) {
            case SUCCESS -> Use.BACKED;
            case OPERAND_BUSY -> Use.BUSY;
            default -> Use.UNBACKED;
        };
    }

    /** Gives a page up as the contract says: the reference goes after the call has returned. */
    void drop() {
        a.put(regionA.pageRemove());
    }

    void dropIfTaken(Use use) {
        if (use == Use.BACKED) {
            drop();
        }
    }

    /** Splits a 2M page of another TD, with donated pages of region A. */
    Status demote() {
        if (row == Row.DEMOTE_UNDER_THE_LOCK) {
            synchronized (lock) {
                return regionA.walk();
            }
        }
        return regionA.walk();
    }
}
