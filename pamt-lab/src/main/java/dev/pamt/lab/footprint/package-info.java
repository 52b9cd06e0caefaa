/** How much page metadata guests and hosts of any size need, counted by the manager itself. */
package dev.pamt.lab.footprint;
