/** The storm: TDs that fault their memory all at once and are shut down again. */
package dev.pamt.lab.storm;
