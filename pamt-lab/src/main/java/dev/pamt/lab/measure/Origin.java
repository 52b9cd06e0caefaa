package dev.pamt.lab.measure;

/**
 * What a placement is of.
 *
 * <p>Immutable and thread-safe.
 *
 * @param process the process, such as {@code java (pid 4711)}
 * @param taken when, as ISO 8601 has it
 * @param readFrom where the pages were read from
 * @param swappedPages 4K pages that were swapped out
 * @param leftOutPages 4K pages that are mapped and not part of it: the zero page, devices, the kernel's own, pages that are
 *     mapped a second time
 */
public record Origin(String process, String taken, String readFrom, long swappedPages, long leftOutPages) {}
