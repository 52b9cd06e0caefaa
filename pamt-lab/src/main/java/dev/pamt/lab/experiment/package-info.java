/** Experiments with TDs on a host in miniature: what a policy, a split, a neighbour or a reboot costs, and whether anything is lost. */
package dev.pamt.lab.experiment;
