/** What experiments have shown, for people and for machines. */
package dev.pamt.lab.report;
