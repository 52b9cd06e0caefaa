/**
 * What any backend can be wrapped in: tracing to a file or to the JDK's Flight Recorder, injected faults, latency.
 *
 * <p>Each is a {@link dev.pamt.seamcall.decorator.SeamcallDecorator}, for one provider or for a whole platform, and they
 * can be put into each other.
 */
package dev.pamt.seamcall.decorator;
