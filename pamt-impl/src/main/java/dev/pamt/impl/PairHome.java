package dev.pamt.impl;

/** Where a page pair goes that was not given to the module. */
interface PairHome {
    /** Takes a pair back. Never throws: it is called where there is no way back. */
    void giveBack(PagePair pair);
}
