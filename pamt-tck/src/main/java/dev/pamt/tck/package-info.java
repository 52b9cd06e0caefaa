/** The contracts of what users implement, each a JUnit test to extend with one method. */
package dev.pamt.tck;
