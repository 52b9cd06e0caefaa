package dev.pamt.impl;

/** What the calls of {@link StrayPutModel} answer, by one thread after the other. Public because Lincheck asks for it. */
public final class StrayPutSpecification {
    private static final int RANGE = 2;

    private int users;
    private boolean mapped;

    /** Makes an empty region. */
    public StrayPutSpecification() {}

    /** get. */
    public String get() {
        return take(1);
    }

    /** get of a range. */
    public String getRange() {
        return take(RANGE);
    }

    private String take(int pages) {
        users += mapped ? 0 : pages;
        return mapped ? "mapped" : "backed";
    }

    /** put. */
    public String put() {
        return drop(1);
    }

    /** put of a range. */
    public String putRange() {
        return drop(RANGE);
    }

    private String drop(int pages) {
        boolean covered = users >= pages;
        users -= covered ? pages : 0;
        return covered ? "put" : "no users";
    }

    /** trim. */
    public void trim() {}

    /** map2M, or unmap2M if the region is mapped. */
    public String mapOrUnmap() {
        if (users > 0) {
            return "in use";
        }
        mapped = !mapped;
        return mapped ? "mapped" : "unmapped";
    }
}
