package dev.pamt.impl.oom.sites;

/**
 * A place in the code where the JVM can run out of memory: an instruction that allocates, or the beginning of a method.
 *
 * @param id its number
 * @param method class and method, such as {@code PairSupply.addChunk}
 * @param line the line of the source, or 0 if the site has none
 * @param what what is done there, such as {@code new Chunk}
 */
public record Site(int id, String method, int line, String what) {
    @Override
    public String toString() {
        return method + (line == 0 ? "" : ":" + line) + " " + what;
    }
}
