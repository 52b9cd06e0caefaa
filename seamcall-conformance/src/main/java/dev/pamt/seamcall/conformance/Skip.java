package dev.pamt.seamcall.conformance;

/**
 * Lines of a recording that were not replayed, or not compared in full, for one reason. Immutable and thread-safe.
 *
 * @param reason why, in words
 * @param lines how many lines
 * @param firstLine the first of them, from 1
 */
public record Skip(String reason, int lines, int firstLine) {}
