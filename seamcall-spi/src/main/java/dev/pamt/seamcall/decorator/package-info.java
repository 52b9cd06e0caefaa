/**
 * What any backend can be wrapped in: events of the JDK's Flight Recorder, injected faults, latency.
 *
 * <p>Each is a {@link dev.pamt.seamcall.decorator.SeamcallDecorator}, for one provider or for a whole platform, and they
 * can be put into each other. The module {@code dev.pamt.seamcall.conformance} has one more, which writes recordings.
 */
package dev.pamt.seamcall.decorator;
