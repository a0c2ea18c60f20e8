package org.iommu4j.testkit.persona;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.Prot;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.spi.IommuOp;
import org.jspecify.annotations.Nullable;

/**
 * The driver of Intel VT-d.
 *
 * <p>Without pass-through in the extended capabilities every device is forced to a strict DMA
 * domain. Caching mode makes the whole system strict, unless first-stage tables are the default.
 * Every device has the interrupt window as reserved region, an ISA bridge also the first 16 MiB.
 */
public final class VtdPersona {
  private VtdPersona() {}

  /**
   * Starts the description of a unit.
   *
   * @return that of QEMU in legacy mode: 48 bits, 4 KiB, 2 MiB and 1 GiB pages, pass-through, no
   *     caching mode
   */
  public static Builder builder() {
    return new Builder();
  }

  /** Collects the facts about a unit. Not thread-safe. */
  public static final class Builder extends PersonaBuilder<Builder> {
    private long cap = 0x00d2_008c_222f_0606L;
    private long ecap = 0x00f0_0f4eL;
    private boolean scalable = true;
    private boolean superpages = true;
    private boolean strictOption;
    private boolean translatedAtBoot;

    private Builder() {
      super("dmar0", null);
    }

    @Override
    Builder self() {
      return this;
    }

    /**
     * Sets the capability register.
     *
     * @param register as in {@code intel-iommu/cap}
     * @return this
     */
    public Builder cap(long register) {
      cap = register;
      return this;
    }

    /**
     * Sets the extended capability register.
     *
     * @param register as in {@code intel-iommu/ecap}
     * @return this
     */
    public Builder ecap(long register) {
      ecap = register;
      return this;
    }

    /**
     * Sets whether scalable mode may be used, {@code intel_iommu=sm_on} or {@code sm_off}.
     *
     * @param allowed true by default; without the capability it changes nothing
     * @return this
     */
    public Builder scalableMode(boolean allowed) {
      scalable = allowed;
      return this;
    }

    /**
     * Sets whether large pages may be used; {@code intel_iommu=sp_off} forbids them.
     *
     * @param allowed true by default
     * @return this
     */
    public Builder superpages(boolean allowed) {
      superpages = allowed;
      return this;
    }

    /**
     * Sets {@code intel_iommu=strict}.
     *
     * @param forced false by default
     * @return this
     */
    public Builder strict(boolean forced) {
      strictOption = forced;
      return this;
    }

    /**
     * Sets whether translation was on already when the system booted, as after a crash: then the
     * first attach of every device is deferred.
     *
     * @param on false by default
     * @return this
     */
    public Builder translatedAtBoot(boolean on) {
      translatedAtBoot = on;
      return this;
    }

    /**
     * Makes the unit.
     *
     * @return a unit that is registered nowhere
     */
    public Persona build() {
      Registers registers = new Registers(cap, ecap, scalable);
      boolean batchingForbidden = registers.cachingMode() && !registers.firstStageByDefault();
      return new Persona(this, new Ops(this, registers), strictOption || batchingForbidden);
    }
  }

  /**
   * What the two registers say.
   *
   * <pre>
   * CAP   7 caching mode   12:8 SAGAW   21:16 MGAW   34 2 MiB   35 1 GiB   56 first-stage 1 GiB
   *      60 first-stage 5 levels
   * ECAP  6 pass-through   7 snoop control   43 scalable mode   45 dirty bits   46 second stage
   *      47 first stage
   * </pre>
   */
  record Registers(long cap, long ecap, boolean scalableAllowed) {
    private boolean capBit(int bit) {
      return (cap >>> bit & 1) != 0;
    }

    private boolean ecapBit(int bit) {
      return (ecap >>> bit & 1) != 0;
    }

    boolean cachingMode() {
      return capBit(7);
    }

    boolean passThrough() {
      return ecapBit(6);
    }

    boolean snoopControl() {
      return ecapBit(7);
    }

    boolean scalable() {
      return scalableAllowed && ecapBit(43);
    }

    boolean firstStage() {
      return scalable() && ecapBit(47);
    }

    /** Both stages, or the first one only. */
    boolean firstStageByDefault() {
      return firstStage();
    }

    boolean dirtyTracking() {
      return scalable() && ecapBit(45) && ecapBit(46);
    }

    /** Three, four or five levels: as many as both SAGAW and MGAW allow. */
    int secondStageBits() {
      int guestWidth = (int) (cap >>> 16 & 0x3f) + 1;
      int best = 0;
      for (int levels = 3; levels <= 5; levels++) {
        int bits = 12 + 9 * levels;
        boolean supported = capBit(8 + levels - 2);
        if (supported && (bits <= guestWidth || best == 0)) {
          best = bits;
        }
      }
      return Math.min(best == 0 ? 39 : best, guestWidth);
    }

    long secondStagePages(boolean superpages) {
      long sizes = Windows.SIZE_4K;
      if (superpages && capBit(34)) {
        sizes |= Windows.SIZE_2M;
      }
      if (superpages && capBit(35)) {
        sizes |= Windows.SIZE_1G;
      }
      return sizes;
    }

    /** The lower half of a sign-extended space. */
    int firstStageBits() {
      return capBit(60) ? 56 : 47;
    }

    long firstStagePages() {
      return Windows.SIZE_4K | Windows.SIZE_2M | (capBit(56) ? Windows.SIZE_1G : 0);
    }
  }

  private static final class Ops extends PersonaOps {
    /** Base class and sub-class of a bridge to ISA. */
    private static final int ISA_BRIDGE = 0x0601;

    private static final ResvRegion FIRST_16M =
        ResvRegion.of(0, 0x100_0000, Prot.RW, ResvType.DIRECT_RELAXABLE);

    private final Registers registers;
    private final boolean superpages;
    private final boolean deferred;

    Ops(Builder facts, Registers registers) {
      super("intel-iommu", facts);
      this.registers = registers;
      this.superpages = facts.superpages;
      this.deferred = facts.translatedAtBoot;
    }

    @Override
    public Set<IommuOp> operations() {
      Set<IommuOp> operations = EnumSet.copyOf(super.operations());
      operations.add(IommuOp.DEF_DOMAIN_TYPE);
      operations.add(IommuOp.IS_ATTACH_DEFERRED);
      operations.add(IommuOp.PROBE_FINALIZE);
      return operations;
    }

    @Override
    public @Nullable DomainType defDomainType(DevIommu device) {
      return registers.passThrough() ? null : DomainType.DMA;
    }

    @Override
    public boolean isAttachDeferred(DevIommu device) {
      return deferred;
    }

    @Override
    void addDriverRegions(Device device, List<ResvRegion> regions) {
      if (device instanceof PciDevice && classCode(device) >> 8 == ISA_BRIDGE) {
        regions.add(FIRST_16M);
      }
      regions.add(Windows.X86_MSI);
    }

    @Override
    public boolean capable(DevIommu device, Capability capability) {
      return switch (capability) {
        case CACHE_COHERENCY, DEFERRED_FLUSH -> true;
        case ENFORCE_CACHE_COHERENCY -> enforcesCoherency();
        case DIRTY_TRACKING -> registers.dirtyTracking();
        case NOEXEC, PRE_BOOT_PROTECTION, PCI_ATS -> false;
      };
    }

    /** First-stage tables are preferred wherever no wish forbids them. */
    private boolean usesFirstStage(Set<AllocFlag> flags) {
      return registers.firstStage() && !flags.contains(AllocFlag.DIRTY);
    }

    @Override
    void checkFlags(DevIommu device, Set<AllocFlag> flags) {
      if (flags.contains(AllocFlag.DIRTY) && !registers.dirtyTracking()) {
        throw unsupported(device, flags);
      }
    }

    @Override
    long pageSizes(Set<AllocFlag> flags) {
      return usesFirstStage(flags)
          ? registers.firstStagePages()
          : registers.secondStagePages(superpages);
    }

    @Override
    DomainGeometry geometry(Set<AllocFlag> flags) {
      return DomainGeometry.ofBits(
          usesFirstStage(flags) ? registers.firstStageBits() : registers.secondStageBits());
    }

    @Override
    boolean enforcesCoherency() {
      return registers.snoopControl();
    }
  }
}
