package dev.pamt.impl;

/** Who takes back a page pair that was not given to the module. */
interface PairHome {
    void giveBack(PagePair pair);
}
