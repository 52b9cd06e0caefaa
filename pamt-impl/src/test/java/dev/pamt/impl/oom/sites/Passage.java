package dev.pamt.impl.oom.sites;

/**
 * One of the times that a site is passed in a run.
 *
 * @param site the number of the site
 * @param path how the thread has come there
 * @param nth the how manieth time on this path, from 1
 */
public record Passage(int site, String path, int nth) {
    @Override
    public String toString() {
        return Sites.site(site) + (nth == 1 ? "" : ", time " + nth) + ", by " + path;
    }
}
