package dev.pamt.impl.oom;

/** What can be wrong after a case. */
enum Category {
    LOCK_HELD("lock held"),
    GATE_UNEVEN("gate uneven"),
    CLOSE_REFUSED("close refused"),
    BUILD_REFUSED("build refused"),
    PAGES_UNSEEN("pages unseen"),
    PAGES_LOST("more lost than one pair"),
    BOOKS("users or state wrong"),
    MODULE("module disagrees"),
    UNEXPECTED("unexpected exception");

    private final String text;

    Category(String text) {
        this.text = text;
    }

    @Override
    public String toString() {
        return text;
    }
}
