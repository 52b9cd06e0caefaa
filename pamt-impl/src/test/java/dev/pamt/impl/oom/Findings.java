package dev.pamt.impl.oom;

import dev.pamt.impl.oom.sites.Report.Finding;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** What is wrong after one case, the first thing of each category; any thread may add to it. */
final class Findings {
    private final String where;
    private final List<Finding> all = new ArrayList<>();
    private final Set<Category> seen = EnumSet.noneOf(Category.class);

    /** No findings yet, of a case that has this name. */
    Findings(String where) {
        this.where = where;
    }

    synchronized void add(Category category, String format, Object... values) {
        if (seen.add(category)) {
            all.add(new Finding(category.toString(), where + ": " + String.format(Locale.ROOT, format, values)));
        }
    }

    synchronized List<Finding> all() {
        return List.copyOf(all);
    }
}
