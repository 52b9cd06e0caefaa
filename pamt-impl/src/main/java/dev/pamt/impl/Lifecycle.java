package dev.pamt.impl;

/** How far a manager's life has gone. CLOSING goes back to OPEN if regions are still in use. */
enum Lifecycle {
    OPEN,
    CLOSING,
    CLOSED
}
