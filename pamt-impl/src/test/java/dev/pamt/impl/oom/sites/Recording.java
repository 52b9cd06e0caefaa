package dev.pamt.impl.oom.sites;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Notes which sites are passed, on which paths. */
public final class Recording implements Sites.Observer {
    /** A site that is passed more often is in a loop, and its paths are known by then. */
    static final int LOOKS = 100;

    private record Route(int site, String path) {}

    private final int mostTimes;
    private final Map<Integer, Integer> looks = new HashMap<>();
    private final Map<Route, Integer> times = new HashMap<>();
    private final List<Passage> passages = new ArrayList<>();

    /**
     * Makes an empty recording.
     *
     * @param mostTimes how often a site is noted on one path
     */
    public Recording(int mostTimes) {
        this.mostTimes = mostTimes;
    }

    @Override
    public synchronized void reached(int site) {
        if (looks.merge(site, 1, Integer::sum) > LOOKS) {
            return;
        }
        Route route = new Route(site, Sites.path());
        int nth = times.merge(route, 1, Integer::sum);
        if (nth <= mostTimes) {
            passages.add(new Passage(site, route.path, nth));
        }
    }

    /** Returns what was noted, in the order in which it happened. */
    public synchronized List<Passage> passages() {
        return List.copyOf(passages);
    }
}
