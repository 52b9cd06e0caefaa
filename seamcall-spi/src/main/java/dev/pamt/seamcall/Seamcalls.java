package dev.pamt.seamcall;

import java.util.Objects;

/**
 * The leaves with their register layouts: a method for each, on top of one {@link SeamcallProvider}.
 *
 * <p>A method sets the registers that its leaf reads, calls version 0 of the leaf and returns the status; outputs are
 * then in the registers. Registers that the leaf does not read are passed as they are. Nothing is retried and nothing is
 * allocated.
 *
 * <p><b>Thread-safety:</b> as the provider; each thread brings registers of its own. <b>Errors:</b> a failure is a
 * status; {@link SeamcallUnavailableException} means that the backend has lost its module.
 */
public final class Seamcalls {
    /** Option bit of SYS.CONFIG: use Dynamic PAMT (R8 bit 16). */
    public static final long SYS_CONFIG_DYNAMIC_PAMT = 1L << 16;

    /** The bit beside a returned address which says that the page was the last one of its 2M region in TDX use. */
    public static final long REMOVAL_HINT = 1L << 62;

    private final SeamcallProvider provider;

    /**
     * Wraps a provider.
     *
     * @param provider runs the calls
     */
    public Seamcalls(SeamcallProvider provider) {
        this.provider = Objects.requireNonNull(provider, "provider");
    }

    /**
     * The provider underneath.
     *
     * @return what runs the calls
     */
    public SeamcallProvider provider() {
        return provider;
    }

    /**
     * TDH.SYS.INIT: initialises the module; RCX is 0.
     *
     * <p>Outputs: none.
     *
     * @param regs the registers to work in
     * @return the completion status
     */
    public long sysInit(SeamcallRegisters regs) {
        regs.rcx = 0;
        return provider.seamcall(SeamcallLeaf.SYS_INIT.rax(), regs);
    }

    /**
     * TDH.SYS.LP.INIT: initialises the module on the processor of this provider.
     *
     * <p>Outputs: none.
     *
     * @param regs the registers to work in
     * @return the completion status
     */
    public long sysLpInit(SeamcallRegisters regs) {
        return provider.seamcall(SeamcallLeaf.SYS_LP_INIT.rax(), regs);
    }

    /**
     * TDH.SYS.RD: reads a metadata field.
     *
     * <p>Outputs: RDX the next field id, R8 the value.
     *
     * @param regs the registers to work in
     * @param fieldId the field id, see {@link SysField}
     * @return the completion status
     */
    public long sysRd(SeamcallRegisters regs, long fieldId) {
        regs.rdx = fieldId;
        return provider.seamcall(SeamcallLeaf.SYS_RD.rax(), regs);
    }

    /**
     * TDH.SYS.CONFIG: gives the module its TDMRs.
     *
     * <p>Outputs: none.
     *
     * @param regs the registers to work in
     * @param tdmrInfoArrayHpa the address of an array of TDMR_INFO addresses, a multiple of 512
     * @param tdmrs how many TDMRs the array names
     * @param options the global private HKID in bits 15:0, and {@link #SYS_CONFIG_DYNAMIC_PAMT}
     * @return the completion status
     */
    public long sysConfig(SeamcallRegisters regs, long tdmrInfoArrayHpa, long tdmrs, long options) {
        regs.rcx = tdmrInfoArrayHpa;
        regs.rdx = tdmrs;
        regs.r8 = options;
        return provider.seamcall(SeamcallLeaf.SYS_CONFIG.rax(), regs);
    }

    /**
     * TDH.SYS.KEY.CONFIG: configures the global key on the package of this processor.
     *
     * <p>Outputs: none.
     *
     * @param regs the registers to work in
     * @return the completion status
     */
    public long sysKeyConfig(SeamcallRegisters regs) {
        return provider.seamcall(SeamcallLeaf.SYS_KEY_CONFIG.rax(), regs);
    }

    /**
     * TDH.SYS.TDMR.INIT: initialises the next part of a TDMR.
     *
     * <p>Outputs: RDX the address up to which the TDMR can be used.
     *
     * @param regs the registers to work in
     * @param tdmrBaseHpa the base of the TDMR
     * @return the completion status
     */
    public long sysTdmrInit(SeamcallRegisters regs, long tdmrBaseHpa) {
        regs.rcx = tdmrBaseHpa;
        return provider.seamcall(SeamcallLeaf.SYS_TDMR_INIT.rax(), regs);
    }

    /**
     * TDH.PHYMEM.PAMT.ADD: gives a 2M region its page pair.
     *
     * <p>Outputs: none.
     *
     * @param regs the registers to work in
     * @param regionHpa the address of the 2M region, a multiple of 2 MiB
     * @param page0Hpa the page that will hold the entries of 4K pages 0 to 255
     * @param page1Hpa the page that will hold the entries of 4K pages 256 to 511
     * @return the completion status
     */
    public long pamtAdd(SeamcallRegisters regs, long regionHpa, long page0Hpa, long page1Hpa) {
        regs.rcx = PageLevel.SIZE_2M.encode(regionHpa);
        regs.rdx = page0Hpa;
        regs.r8 = page1Hpa;
        return provider.seamcall(SeamcallLeaf.PHYMEM_PAMT_ADD.rax(), regs);
    }

    /**
     * TDH.PHYMEM.PAMT.REMOVE: takes the page pair of a 2M region back.
     *
     * <p>Outputs: on success RDX and R8, the two pages in the order in which they were given; on failure nothing.
     *
     * @param regs the registers to work in
     * @param regionHpa the address of the 2M region, a multiple of 2 MiB
     * @return the completion status
     */
    public long pamtRemove(SeamcallRegisters regs, long regionHpa) {
        regs.rcx = PageLevel.SIZE_2M.encode(regionHpa);
        return provider.seamcall(SeamcallLeaf.PHYMEM_PAMT_REMOVE.rax(), regs);
    }

    /**
     * TDH.PHYMEM.PAGE.RDMD: reads the metadata of a page.
     *
     * <p>Outputs: RCX page type, RDX owner, R8 level reached, R9 BEPOCH, R10 and R11 the page pair.
     *
     * @param regs the registers to work in
     * @param hpaAndLevel the page, with its level in bits 2:0, see {@link PageLevel#encode}
     * @return the completion status
     */
    public long pageRdmd(SeamcallRegisters regs, long hpaAndLevel) {
        regs.rcx = hpaAndLevel;
        return provider.seamcall(SeamcallLeaf.PHYMEM_PAGE_RDMD.rax(), regs);
    }

    /**
     * TDH.PHYMEM.PAGE.RECLAIM: takes a page back from a TD that is torn down.
     *
     * <p>Outputs: RCX page type, RDX owner, R8 level, R9 the removal hint.
     *
     * @param regs the registers to work in
     * @param pageHpa the page
     * @return the completion status
     */
    public long pageReclaim(SeamcallRegisters regs, long pageHpa) {
        regs.rcx = pageHpa;
        return provider.seamcall(SeamcallLeaf.PHYMEM_PAGE_RECLAIM.rax(), regs);
    }

    /**
     * TDH.PHYMEM.PAGE.WBINVD: writes back the cache lines of a page.
     *
     * <p>Outputs: none.
     *
     * @param regs the registers to work in
     * @param hpaAndHkid the page, with the HKID in its upper bits
     * @return the completion status
     */
    public long pageWbinvd(SeamcallRegisters regs, long hpaAndHkid) {
        regs.rcx = hpaAndHkid;
        return provider.seamcall(SeamcallLeaf.PHYMEM_PAGE_WBINVD.rax(), regs);
    }

    /**
     * TDH.PHYMEM.CACHE.WB: writes back the caches of the package of this processor.
     *
     * <p>Outputs: none.
     *
     * @param regs the registers to work in
     * @param resume 0 to begin, 1 to go on after an interruption
     * @return the completion status
     */
    public long cacheWb(SeamcallRegisters regs, long resume) {
        regs.rcx = resume;
        return provider.seamcall(SeamcallLeaf.PHYMEM_CACHE_WB.rax(), regs);
    }

    /**
     * TDH.MNG.CREATE: creates a TD.
     *
     * <p>Outputs: none.
     *
     * @param regs the registers to work in
     * @param tdrHpa a free page that becomes the TD root
     * @param hkid the private key id of the TD
     * @return the completion status
     */
    public long mngCreate(SeamcallRegisters regs, long tdrHpa, long hkid) {
        regs.rcx = tdrHpa;
        regs.rdx = hkid;
        return provider.seamcall(SeamcallLeaf.MNG_CREATE.rax(), regs);
    }

    /**
     * TDH.MNG.ADDCX: adds a control page to a TD.
     *
     * <p>Outputs: none.
     *
     * @param regs the registers to work in
     * @param tdcxHpa a free page
     * @param tdrHpa the TD root
     * @return the completion status
     */
    public long mngAddcx(SeamcallRegisters regs, long tdcxHpa, long tdrHpa) {
        regs.rcx = tdcxHpa;
        regs.rdx = tdrHpa;
        return provider.seamcall(SeamcallLeaf.MNG_ADDCX.rax(), regs);
    }

    /**
     * TDH.MNG.KEY.CONFIG: configures the key of a TD on the package of this processor.
     *
     * <p>Outputs: none.
     *
     * @param regs the registers to work in
     * @param tdrHpa the TD root
     * @return the completion status
     */
    public long mngKeyConfig(SeamcallRegisters regs, long tdrHpa) {
        regs.rcx = tdrHpa;
        return provider.seamcall(SeamcallLeaf.MNG_KEY_CONFIG.rax(), regs);
    }

    /**
     * TDH.MNG.INIT: initialises a TD.
     *
     * <p>Outputs: RCX extended error information.
     *
     * @param regs the registers to work in
     * @param tdrHpa the TD root
     * @param tdParamsHpa the address of TD_PARAMS, a multiple of 1024
     * @return the completion status
     */
    public long mngInit(SeamcallRegisters regs, long tdrHpa, long tdParamsHpa) {
        regs.rcx = tdrHpa;
        regs.rdx = tdParamsHpa;
        return provider.seamcall(SeamcallLeaf.MNG_INIT.rax(), regs);
    }

    /**
     * TDH.MNG.VPFLUSHDONE: checks that no vCPU is associated and blocks the TD.
     *
     * <p>Outputs: none.
     *
     * @param regs the registers to work in
     * @param tdrHpa the TD root
     * @return the completion status
     */
    public long mngVpflushdone(SeamcallRegisters regs, long tdrHpa) {
        regs.rcx = tdrHpa;
        return provider.seamcall(SeamcallLeaf.MNG_VPFLUSHDONE.rax(), regs);
    }

    /**
     * TDH.MNG.KEY.FREEID: frees the key id of a TD.
     *
     * <p>Outputs: none.
     *
     * @param regs the registers to work in
     * @param tdrHpa the TD root
     * @return the completion status
     */
    public long mngKeyFreeid(SeamcallRegisters regs, long tdrHpa) {
        regs.rcx = tdrHpa;
        return provider.seamcall(SeamcallLeaf.MNG_KEY_FREEID.rax(), regs);
    }

    /**
     * TDH.MR.FINALIZE: completes the measurement of a TD.
     *
     * <p>Outputs: none.
     *
     * @param regs the registers to work in
     * @param tdrHpa the TD root
     * @return the completion status
     */
    public long mrFinalize(SeamcallRegisters regs, long tdrHpa) {
        regs.rcx = tdrHpa;
        return provider.seamcall(SeamcallLeaf.MR_FINALIZE.rax(), regs);
    }

    /**
     * TDH.MR.EXTEND: extends the measurement of a TD by 256 bytes.
     *
     * <p>Outputs: RCX, RDX extended error information.
     *
     * @param regs the registers to work in
     * @param gpa the guest address, a multiple of 256
     * @param tdrHpa the TD root
     * @return the completion status
     */
    public long mrExtend(SeamcallRegisters regs, long gpa, long tdrHpa) {
        regs.rcx = gpa;
        regs.rdx = tdrHpa;
        return provider.seamcall(SeamcallLeaf.MR_EXTEND.rax(), regs);
    }

    /**
     * TDH.VP.CREATE: creates a vCPU.
     *
     * <p>Outputs: none.
     *
     * @param regs the registers to work in
     * @param tdvprHpa a free page that becomes the vCPU root
     * @param tdrHpa the TD root
     * @return the completion status
     */
    public long vpCreate(SeamcallRegisters regs, long tdvprHpa, long tdrHpa) {
        regs.rcx = tdvprHpa;
        regs.rdx = tdrHpa;
        return provider.seamcall(SeamcallLeaf.VP_CREATE.rax(), regs);
    }

    /**
     * TDH.VP.ADDCX: adds a control page to a vCPU.
     *
     * <p>Outputs: none.
     *
     * @param regs the registers to work in
     * @param tdcxHpa a free page
     * @param tdvprHpa the vCPU root
     * @return the completion status
     */
    public long vpAddcx(SeamcallRegisters regs, long tdcxHpa, long tdvprHpa) {
        regs.rcx = tdcxHpa;
        regs.rdx = tdvprHpa;
        return provider.seamcall(SeamcallLeaf.VP_ADDCX.rax(), regs);
    }

    /**
     * TDH.VP.INIT: initialises a vCPU and associates it with the processor of this provider.
     *
     * <p>Outputs: none.
     *
     * @param regs the registers to work in
     * @param tdvprHpa the vCPU root
     * @param guestRcx what the guest finds in RCX
     * @return the completion status
     */
    public long vpInit(SeamcallRegisters regs, long tdvprHpa, long guestRcx) {
        regs.rcx = tdvprHpa;
        regs.rdx = guestRcx;
        return provider.seamcall(SeamcallLeaf.VP_INIT.rax(), regs);
    }

    /**
     * TDH.VP.FLUSH: ends the association of a vCPU with the processor of this provider.
     *
     * <p>Outputs: none.
     *
     * @param regs the registers to work in
     * @param tdvprHpa the vCPU root
     * @return the completion status
     */
    public long vpFlush(SeamcallRegisters regs, long tdvprHpa) {
        regs.rcx = tdvprHpa;
        return provider.seamcall(SeamcallLeaf.VP_FLUSH.rax(), regs);
    }

    /**
     * TDH.VP.ENTER: enters a vCPU until its next exit.
     *
     * <p>Outputs: what the guest left, see the exit reason.
     *
     * @param regs the registers to work in
     * @param tdvprHpaAndFlags the vCPU root, with flags in bits 63:52
     * @return the completion status
     */
    public long vpEnter(SeamcallRegisters regs, long tdvprHpaAndFlags) {
        regs.rcx = tdvprHpaAndFlags;
        return provider.seamcall(SeamcallLeaf.VP_ENTER.rax(), regs);
    }

    /**
     * TDH.MEM.SEPT.ADD: adds a Secure EPT page.
     *
     * <p>Outputs: RCX, RDX extended error information.
     *
     * @param regs the registers to work in
     * @param gpaAndLevel the guest address, with the level of the entry in bits 2:0
     * @param tdrHpa the TD root
     * @param septHpa a free page
     * @return the completion status
     */
    public long memSeptAdd(SeamcallRegisters regs, long gpaAndLevel, long tdrHpa, long septHpa) {
        regs.rcx = gpaAndLevel;
        regs.rdx = tdrHpa;
        regs.r8 = septHpa;
        return provider.seamcall(SeamcallLeaf.MEM_SEPT_ADD.rax(), regs);
    }

    /**
     * TDH.MEM.SEPT.RD: reads a Secure EPT entry.
     *
     * <p>Outputs: RCX the entry, RDX its level and state.
     *
     * @param regs the registers to work in
     * @param gpaAndLevel the guest address, with the level in bits 2:0
     * @param tdrHpa the TD root
     * @return the completion status
     */
    public long memSeptRd(SeamcallRegisters regs, long gpaAndLevel, long tdrHpa) {
        regs.rcx = gpaAndLevel;
        regs.rdx = tdrHpa;
        return provider.seamcall(SeamcallLeaf.MEM_SEPT_RD.rax(), regs);
    }

    /**
     * TDH.MEM.SEPT.REMOVE: removes a Secure EPT page.
     *
     * <p>Outputs: RCX the page, and the removal hint in bit 62.
     *
     * @param regs the registers to work in
     * @param gpaAndLevel the guest address, with the level in bits 2:0
     * @param tdrHpa the TD root
     * @return the completion status
     */
    public long memSeptRemove(SeamcallRegisters regs, long gpaAndLevel, long tdrHpa) {
        regs.rcx = gpaAndLevel;
        regs.rdx = tdrHpa;
        return provider.seamcall(SeamcallLeaf.MEM_SEPT_REMOVE.rax(), regs);
    }

    /**
     * TDH.MEM.PAGE.ADD: adds a 4K page with contents to a TD that is being built.
     *
     * <p>Outputs: RCX, RDX extended error information.
     *
     * @param regs the registers to work in
     * @param gpa the guest address
     * @param tdrHpa the TD root
     * @param pageHpa a free page
     * @param sourceHpa the page to copy from
     * @return the completion status
     */
    public long memPageAdd(SeamcallRegisters regs, long gpa, long tdrHpa, long pageHpa, long sourceHpa) {
        regs.rcx = gpa;
        regs.rdx = tdrHpa;
        regs.r8 = pageHpa;
        regs.r9 = sourceHpa;
        return provider.seamcall(SeamcallLeaf.MEM_PAGE_ADD.rax(), regs);
    }

    /**
     * TDH.MEM.PAGE.AUG: maps a pending page.
     *
     * <p>Outputs: RCX, RDX extended error information.
     *
     * @param regs the registers to work in
     * @param gpaAndLevel the guest address, with level 0 or 1 in bits 2:0
     * @param tdrHpa the TD root
     * @param pageHpa a free page of that size
     * @return the completion status
     */
    public long memPageAug(SeamcallRegisters regs, long gpaAndLevel, long tdrHpa, long pageHpa) {
        regs.rcx = gpaAndLevel;
        regs.rdx = tdrHpa;
        regs.r8 = pageHpa;
        return provider.seamcall(SeamcallLeaf.MEM_PAGE_AUG.rax(), regs);
    }

    /**
     * TDH.MEM.PAGE.REMOVE: removes a page from a TD.
     *
     * <p>Outputs: RCX the page, and the removal hint in bit 62.
     *
     * @param regs the registers to work in
     * @param gpaAndLevel the guest address, with the level in bits 2:0
     * @param tdrHpa the TD root
     * @return the completion status
     */
    public long memPageRemove(SeamcallRegisters regs, long gpaAndLevel, long tdrHpa) {
        regs.rcx = gpaAndLevel;
        regs.rdx = tdrHpa;
        return provider.seamcall(SeamcallLeaf.MEM_PAGE_REMOVE.rax(), regs);
    }

    /**
     * TDH.MEM.PAGE.RELOCATE: moves a 4K page.
     *
     * <p>Outputs: RCX the old page, and the removal hint in bit 62.
     *
     * @param regs the registers to work in
     * @param gpa the guest address
     * @param tdrHpa the TD root
     * @param pageHpa a free page
     * @return the completion status
     */
    public long memPageRelocate(SeamcallRegisters regs, long gpa, long tdrHpa, long pageHpa) {
        regs.rcx = gpa;
        regs.rdx = tdrHpa;
        regs.r8 = pageHpa;
        return provider.seamcall(SeamcallLeaf.MEM_PAGE_RELOCATE.rax(), regs);
    }

    /**
     * TDH.MEM.PAGE.DEMOTE: splits a large page.
     *
     * <p>Outputs: RCX, RDX extended error information.
     *
     * @param regs the registers to work in
     * @param gpaAndLevel the guest address, with level 1 or 2 in bits 2:0
     * @param tdrHpa the TD root
     * @param septHpa a free page for the new entries
     * @param page0Hpa the first page of the pair for a 2M page
     * @param page1Hpa the second page of the pair
     * @return the completion status
     */
    public long memPageDemote(
            SeamcallRegisters regs, long gpaAndLevel, long tdrHpa, long septHpa, long page0Hpa, long page1Hpa) {
        regs.rcx = gpaAndLevel;
        regs.rdx = tdrHpa;
        regs.r8 = septHpa;
        regs.r12 = page0Hpa;
        regs.r13 = page1Hpa;
        return provider.seamcall(SeamcallLeaf.MEM_PAGE_DEMOTE.rax(), regs);
    }

    /**
     * TDH.MEM.PAGE.PROMOTE: merges 512 pages into a large one.
     *
     * <p>Outputs: RCX the Secure EPT page and the removal hint, R12 and R13 the page pair of a 2M page.
     *
     * @param regs the registers to work in
     * @param gpaAndLevel the guest address, with level 1 or 2 in bits 2:0
     * @param tdrHpa the TD root
     * @return the completion status
     */
    public long memPagePromote(SeamcallRegisters regs, long gpaAndLevel, long tdrHpa) {
        regs.rcx = gpaAndLevel;
        regs.rdx = tdrHpa;
        return provider.seamcall(SeamcallLeaf.MEM_PAGE_PROMOTE.rax(), regs);
    }

    /**
     * TDH.MEM.RANGE.BLOCK: blocks a GPA range.
     *
     * <p>Outputs: RCX, RDX extended error information.
     *
     * @param regs the registers to work in
     * @param gpaAndLevel the guest address, with the level in bits 2:0
     * @param tdrHpa the TD root
     * @return the completion status
     */
    public long memRangeBlock(SeamcallRegisters regs, long gpaAndLevel, long tdrHpa) {
        regs.rcx = gpaAndLevel;
        regs.rdx = tdrHpa;
        return provider.seamcall(SeamcallLeaf.MEM_RANGE_BLOCK.rax(), regs);
    }

    /**
     * TDH.MEM.RANGE.UNBLOCK: unblocks a GPA range.
     *
     * <p>Outputs: RCX, RDX extended error information.
     *
     * @param regs the registers to work in
     * @param gpaAndLevel the guest address, with the level in bits 2:0
     * @param tdrHpa the TD root
     * @return the completion status
     */
    public long memRangeUnblock(SeamcallRegisters regs, long gpaAndLevel, long tdrHpa) {
        regs.rcx = gpaAndLevel;
        regs.rdx = tdrHpa;
        return provider.seamcall(SeamcallLeaf.MEM_RANGE_UNBLOCK.rax(), regs);
    }

    /**
     * TDH.MEM.TRACK: starts a new TLB tracking epoch.
     *
     * <p>Outputs: none.
     *
     * @param regs the registers to work in
     * @param tdrHpa the TD root
     * @return the completion status
     */
    public long memTrack(SeamcallRegisters regs, long tdrHpa) {
        regs.rcx = tdrHpa;
        return provider.seamcall(SeamcallLeaf.MEM_TRACK.rax(), regs);
    }
}
