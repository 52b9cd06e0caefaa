package dev.pamt.seamcall.emulator.guest;

/**
 * What runs inside the vCPUs of the TDs of a machine.
 *
 * <p>VP.ENTER asks for one action after the other and carries each out as the processor and the module would, until one of
 * them leaves the TD: a VMCALL, an access or ACCEPT that the host must act upon, an interrupt. An action that faulted out to
 * the host is not asked for again: the next VP.ENTER begins by repeating it. If the program throws, the vCPU comes out as by
 * an interrupt, and VP.ENTER throws what the program threw.
 *
 * <p><b>Thread-safety:</b> asked on the threads of VP.ENTER; for one vCPU never by two at once.
 */
@FunctionalInterface
public interface GuestProgram {
    /**
     * Chooses the next action of a vCPU.
     *
     * @param vcpu the vCPU, with what became of its action before
     * @return what it does next
     */
    GuestAction next(GuestVcpu vcpu);

    /**
     * Guests that give their processor back at once, by a VMCALL.
     *
     * @return the program
     */
    static GuestProgram idle() {
        return vcpu -> new GuestAction.Vmcall();
    }
}
