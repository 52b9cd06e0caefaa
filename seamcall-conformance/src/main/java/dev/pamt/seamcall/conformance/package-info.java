/**
 * Recordings of the real TDX module, and the replay that holds a backend to them.
 *
 * <p>{@link dev.pamt.seamcall.conformance.Recording} is a recording, {@link dev.pamt.seamcall.conformance.Conformance}
 * replays call sequences, {@link dev.pamt.seamcall.conformance.Litmus} races of two processors. Results are plain records;
 * {@link dev.pamt.seamcall.conformance.JUnitReport} writes them for CI. {@link
 * dev.pamt.seamcall.conformance.Tracing} writes a recording of any backend. {@code docs/vectors.md} has the format.
 */
package dev.pamt.seamcall.conformance;
