/**
 * A host in miniature: TDs with their memory, their Secure EPT and their vCPUs, as KVM and the TDX driver keep them, on a real module or an
 * emulated one.
 */
package dev.pamt.lab.host;
