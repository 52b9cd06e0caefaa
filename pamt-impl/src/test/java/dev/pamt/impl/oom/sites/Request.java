package dev.pamt.impl.oom.sites;

/**
 * Which cases are run.
 *
 * @param kind which error is thrown
 * @param most how many cases at most; they are chosen at random, first one for each site
 * @param times how often a site is hit that is passed several times on one path
 * @param seed of the choice
 * @param sabotage what is done behind the manager's back, {@code NONE} unless a test shows that it is found
 */
public record Request(Kind kind, int most, int times, long seed, String sabotage) {}
