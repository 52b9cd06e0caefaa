package dev.pamt.seamcall.conformance;

import dev.pamt.seamcall.PlatformConfig;

/**
 * The machine of a recording.
 *
 * @param config how it is opened
 * @param globalHkid the key id that SYS.CONFIG gets if nothing else is said; null if the recording does not know one
 */
record RecordedPlatform(PlatformConfig config, Long globalHkid) {}
