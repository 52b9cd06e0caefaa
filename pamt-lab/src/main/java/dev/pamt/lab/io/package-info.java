/** Files that the lab writes. */
package dev.pamt.lab.io;
