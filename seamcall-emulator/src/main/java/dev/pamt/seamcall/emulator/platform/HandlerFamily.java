package dev.pamt.seamcall.emulator.platform;

import dev.pamt.seamcall.SeamcallLeaf;
import java.util.Map;

/** Leaves that belong together and share what they work on. */
public interface HandlerFamily {
    /** The handlers of the family, by leaf. */
    Map<SeamcallLeaf, LeafHandler> handlers();
}
