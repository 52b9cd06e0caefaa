package dev.pamt.seamcall.decorator;

import jdk.jfr.Category;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;

/** A SEAMCALL, as the JDK's Flight Recorder keeps it. */
@Name("dev.pamt.Seamcall")
@Label("SEAMCALL")
@Category("TDX")
@StackTrace(false)
final class SeamcallEvent extends Event {
    @Label("Leaf")
    String leaf;

    @Label("Processor")
    int processor;

    @Label("RAX")
    long rax;

    @Label("RCX")
    long rcx;

    @Label("RDX")
    long rdx;

    @Label("R8")
    long r8;

    @Label("Status")
    String status;

    @Label("Status Word")
    long statusWord;
}
