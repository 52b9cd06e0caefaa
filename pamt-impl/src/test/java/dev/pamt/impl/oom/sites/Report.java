package dev.pamt.impl.oom.sites;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What came out.
 *
 * @param sites the sites that were hit
 * @param cases the cases that were run
 * @param planned the cases that there are
 * @param notReached the cases in which another thread was faster, so that the site was not passed on that path
 * @param findings what is wrong, a line for each
 */
public record Report(int sites, int cases, int planned, int notReached, List<Finding> findings) {
    /**
     * Something that is wrong after a case.
     *
     * @param category what kind of thing
     * @param text setup, site and what is wrong
     */
    public record Finding(String category, String text) {
        @Override
        public String toString() {
            return category + ": " + text;
        }
    }

    /** The findings, counted. */
    public Map<String, Long> categories() {
        return findings.stream().collect(Collectors.groupingBy(Finding::category, TreeMap::new, Collectors.counting()));
    }

    @Override
    public String toString() {
        return sites + " sites, " + cases + " of " + planned + " cases, " + notReached + " not reached, findings: "
                + categories();
    }
}
