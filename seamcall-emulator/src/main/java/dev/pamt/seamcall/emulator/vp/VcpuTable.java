package dev.pamt.seamcall.emulator.vp;

import dev.pamt.seamcall.emulator.td.Td;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Finds a vCPU by the address of its root page.
 *
 * <p>An entry comes and goes under the exclusive PAMT lock of the root page, so a call that holds that lock and has seen the
 * type TDVPR finds the vCPU here.
 */
public final class VcpuTable {
    private final ConcurrentHashMap<Long, Vcpu> vcpus = new ConcurrentHashMap<>();

    /** Makes an empty table. */
    public VcpuTable() {}

    void create(long tdvprHpa, Td td) {
        vcpus.put(tdvprHpa, new Vcpu(tdvprHpa, td));
    }

    /** The vCPU of a root page. */
    public Vcpu at(long tdvprHpa) {
        return vcpus.get(tdvprHpa);
    }

    /** Whether a processor is inside a vCPU. */
    public boolean anyInside() {
        return vcpus.values().stream().anyMatch(vcpu -> vcpu.state() == Vcpu.State.ACTIVE);
    }

    /** Forgets a vCPU. */
    public void remove(long tdvprHpa) {
        vcpus.remove(tdvprHpa);
    }
}
