/**
 * Where the pages of a process lie in physical memory, and what page metadata they would need.
 *
 * <p>Physical addresses come from {@code /proc/PID/pagemap}, the kinds of pages from {@code /proc/kpageflags}, sums from {@code
 * /proc/PID/smaps}.
 */
package dev.pamt.lab.measure;
