/** The command line of the lab. */
package dev.pamt.lab;
