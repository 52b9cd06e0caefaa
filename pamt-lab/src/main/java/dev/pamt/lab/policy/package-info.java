/** When a host gives page pairs and takes them back: what Linux has, and what was proposed instead of it. */
package dev.pamt.lab.policy;
