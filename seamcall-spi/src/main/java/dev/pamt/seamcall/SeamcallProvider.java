package dev.pamt.seamcall;

/**
 * Runs SEAMCALLs: the whole of what a backend must be able to do.
 *
 * <p>The method has the shape of the instruction, so a backend can be an emulator, a remote agent, a recorder, a mock or
 * a lambda in a test.
 *
 * <p><b>Thread-safety:</b> any number of threads may call at once, as any number of logical processors do; each brings
 * registers of its own. <b>Progress:</b> a call never waits for another call; what is contended is answered {@link
 * TdxStatus#OPERAND_BUSY} and has changed nothing.
 *
 * <p>Rules for a backend. Each has tests of its name in {@code SeamcallProviderContractTest} of the module {@code pamt-tck}, which
 * the author of a backend extends with one method:
 *
 * <ul>
 *   <li><b>SPI-1</b> A failure of the call is a status, never an exception. A backend that cannot reach its module
 *       throws {@link SeamcallUnavailableException}; the caller must then assume that the call may have been carried out,
 *       unless the exception is {@linkplain SeamcallUnavailableException#notSent one for a call that was not sent}.
 *   <li><b>SPI-2</b> RAX is returned, not stored; every register that the leaf does not write keeps the caller's value.
 *   <li><b>SPI-3</b> A call whose status is an error has changed no page's owner, type or count.
 *   <li><b>SPI-4</b> Whatever the caller did before the call is visible to the module; whatever the module did is visible
 *       to the caller after it (the call is a full fence, as the instruction is).
 *   <li><b>SPI-5</b> The registers belong to the caller: a backend keeps no reference to them after it returns.
 *   <li><b>SPI-6</b> A lock that another call holds is tried once and answered {@link TdxStatus#OPERAND_BUSY}. The
 *       backend does not wait and does not try again: that is the caller's to decide.
 *   <li><b>SPI-7</b> PAMT.REMOVE returns the two pages that PAMT.ADD was given, in the same order, and both can be given
 *       again.
 *   <li><b>SPI-8</b> Of several things that are wrong with a call, the one is reported that the module checks first:
 *       PAMT.ADD looks at RCX, then RDX, then R8.
 *   <li><b>SPI-9</b> A leaf word with an unknown leaf, with reserved bits, or with a version that the leaf has not is answered
 *       {@link TdxStatus#OPERAND_INVALID} with operand RAX.
 *   <li><b>SPI-10</b> Calls that need nothing in common do not disturb each other, on whichever threads they are made.
 *   <li><b>SPI-11</b> Once the machine was closed, every call throws {@link SeamcallUnavailableException}.
 *   <li><b>SPI-12</b> A machine has one provider for each logical processor, the same object each time, and says {@link
 *       IndexOutOfBoundsException} to any other index.
 *   <li><b>SPI-13</b> PAGE.RDMD reports what ADD and REMOVE have made: the pair of a region that has one, and in R8 the level at
 *       which the walk ends: 4K in a region with a pair, 2M without one.
 *   <li><b>SPI-14</b> PAMT.ADD refuses a page that is part of a pair with {@link TdxStatus#PAGE_NOT_FREE} and its operand, the
 *       page of another region's pair as well as a page that is given twice.
 * </ul>
 */
@FunctionalInterface
public interface SeamcallProvider {
    /**
     * Runs one SEAMCALL.
     *
     * @param rax the leaf word: leaf number in bits 15:0, version in bits 23:16 (see {@link SeamcallLeaf#rax()})
     * @param regs inputs on entry, outputs on return
     * @return the completion status, RAX on return (see {@link TdxStatus})
     * @throws SeamcallUnavailableException if the backend has lost its module (SPI-1)
     */
    long seamcall(long rax, SeamcallRegisters regs);
}
