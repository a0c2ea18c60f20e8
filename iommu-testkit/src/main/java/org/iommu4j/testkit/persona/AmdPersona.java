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
import org.iommu4j.api.Errno;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.spi.IommuOp;
import org.jspecify.annotations.Nullable;

/**
 * The driver of AMD-Vi.
 *
 * <p>A unit that caches what is not present, as emulated ones do, makes the whole system strict.
 * Every device has two reserved regions: the interrupt window, and the HyperTransport range unless
 * the unit says that it may be ignored. The function of the IOMMU itself is not served.
 */
public final class AmdPersona {
  private AmdPersona() {}

  /**
   * Starts the description of a unit.
   *
   * @return one of hardware: not strict, version 1 tables
   */
  public static Builder builder() {
    return new Builder();
  }

  /** Collects the facts about a unit. Not thread-safe. */
  public static final class Builder extends PersonaBuilder<Builder> {
    /** Bit of the capability header: not-present entries are cached. */
    private static final int NPCACHE = 26;

    private int capability;
    private boolean strictOption;
    private boolean hyperTransport = true;
    private boolean secondVersion;
    private boolean fiveLevels;
    private boolean hugePages = true;
    private int virtualBits = 64;
    private int hostLevels = 4;
    private boolean pasidDevicesUntranslated;
    private boolean translatedAtBoot;

    private Builder() {
      super("ivhd0", null);
    }

    @Override
    Builder self() {
      return this;
    }

    /**
     * Sets the capability header.
     *
     * @param header as in {@code amd-iommu/cap}
     * @return this
     */
    public Builder capability(int header) {
      capability = header;
      return this;
    }

    /**
     * Sets {@code amd_iommu=fullflush}.
     *
     * @param forced false by default
     * @return this
     */
    public Builder fullFlush(boolean forced) {
      strictOption = forced;
      return this;
    }

    /**
     * Sets whether the HyperTransport range is reserved.
     *
     * @param reserved true by default
     * @return this
     */
    public Builder hyperTransportRange(boolean reserved) {
      hyperTransport = reserved;
      return this;
    }

    /**
     * Selects version 2 tables, {@code amd_iommu=pgtbl_v2}.
     *
     * @param selected false by default
     * @param levels five instead of four levels
     * @return this
     */
    public Builder version2(boolean selected, boolean levels) {
      secondVersion = selected;
      fiveLevels = levels;
      return this;
    }

    /**
     * Sets whether large pages may be used; {@code amd_iommu=nohugepages} forbids them.
     *
     * @param allowed true by default
     * @return this
     */
    public Builder hugePages(boolean allowed) {
      hugePages = allowed;
      return this;
    }

    /**
     * Sets how wide the addresses of version 1 tables can be.
     *
     * @param bits the virtual address size that firmware names, 0 for 64
     * @param levels the levels of a host table, 3 to 6
     * @return this
     * @throws IllegalArgumentException outside these ranges
     */
    public Builder addressSize(int bits, int levels) {
      if (bits < 0 || bits > Long.SIZE || levels < 3 || levels > 6) {
        throw new IllegalArgumentException(
            "address size " + bits + " is not within 0..64, or levels " + levels + " within 3..6");
      }
      virtualBits = bits == 0 ? Long.SIZE : bits;
      hostLevels = levels;
      return this;
    }

    /**
     * Sets whether devices with PASIDs are left untranslated, as without memory encryption on units
     * that can do it.
     *
     * @param wanted false by default
     * @return this
     */
    public Builder pasidDevicesUntranslated(boolean wanted) {
      pasidDevicesUntranslated = wanted;
      return this;
    }

    /**
     * Sets whether translation was on already when the system booted: then the first attach of
     * every device is deferred.
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
      boolean emulated = (capability >>> NPCACHE & 1) != 0;
      return new Persona(this, new Ops(this), strictOption || emulated);
    }
  }

  private static final class Ops extends PersonaOps {
    /** Base class and sub-class of an IOMMU. */
    private static final int IOMMU_CLASS = 0x0806;

    private static final int AMD = 0x1022;
    private static final int EMULATED_IOMMU = 0x1419;

    private static final ResvRegion HYPER_TRANSPORT =
        ResvRegion.of(0xfd_0000_0000L, 0x3_0000_0000L, 0, ResvType.RESERVED);

    /** Every power of two from 4 KiB to 2 PiB except 512 GiB. */
    private static final long VERSION_1_PAGES = ((1L << 52) - (1L << 12)) & ~Windows.SIZE_512G;

    private final Builder facts;

    Ops(Builder facts) {
      super("amd-iommu", facts);
      this.facts = facts;
    }

    @Override
    public Set<IommuOp> operations() {
      Set<IommuOp> operations = EnumSet.copyOf(super.operations());
      operations.add(IommuOp.DEF_DOMAIN_TYPE);
      operations.add(IommuOp.IS_ATTACH_DEFERRED);
      return operations;
    }

    @Override
    void admit(Device device) {
      if (device instanceof PciDevice pci
          && (classCode(pci) >> 8 == IOMMU_CLASS
              || (pci.vendorId() == AMD && pci.deviceId() == EMULATED_IOMMU))) {
        throw refusal(Errno.ENODEV, device, "is itself an IOMMU and is not served by");
      }
    }

    @Override
    public @Nullable DomainType defDomainType(DevIommu device) {
      if (device.device() instanceof PciDevice pci && pci.untrusted()) {
        return DomainType.DMA;
      }
      return facts.pasidDevicesUntranslated && device.device().pasidLimit() > 0
          ? DomainType.IDENTITY
          : null;
    }

    @Override
    public boolean isAttachDeferred(DevIommu device) {
      return facts.translatedAtBoot;
    }

    @Override
    void addDriverRegions(Device device, List<ResvRegion> regions) {
      regions.add(Windows.X86_MSI);
      if (facts.hyperTransport) {
        regions.add(HYPER_TRANSPORT);
      }
    }

    @Override
    public boolean capable(DevIommu device, Capability capability) {
      return switch (capability) {
        case CACHE_COHERENCY, ENFORCE_CACHE_COHERENCY, DEFERRED_FLUSH -> true;
        case DIRTY_TRACKING, NOEXEC, PRE_BOOT_PROTECTION, PCI_ATS -> false;
      };
    }

    @Override
    void checkFlags(DevIommu device, Set<AllocFlag> flags) {
      if (flags.contains(AllocFlag.DIRTY)
          || (flags.contains(AllocFlag.PASID) && !facts.secondVersion)) {
        throw unsupported(device, flags);
      }
    }

    @Override
    long pageSizes(Set<AllocFlag> flags) {
      if (!facts.hugePages) {
        return Windows.SIZE_4K;
      }
      return facts.secondVersion
          ? Windows.SIZE_4K | Windows.SIZE_2M | Windows.SIZE_1G
          : VERSION_1_PAGES;
    }

    @Override
    DomainGeometry geometry(Set<AllocFlag> flags) {
      if (facts.secondVersion) {
        return DomainGeometry.ofBits(facts.fiveLevels ? 56 : 47);
      }
      // Three levels cover 12 + 3 * 9 bits, and each further one nine more.
      return DomainGeometry.ofBits(Math.min(facts.virtualBits, 12 + 9 * facts.hostLevels));
    }

    @Override
    boolean enforcesCoherency() {
      return true;
    }
  }
}
