/** How the implementation is found. Users of the library need nothing from here. */
package dev.pamt.api.spi;
