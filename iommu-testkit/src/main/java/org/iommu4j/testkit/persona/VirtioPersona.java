package org.iommu4j.testkit.persona;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.DomainOps;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/**
 * The driver of virtio-iommu.
 *
 * <p>It has no static domains: identity domains are made one by one, and the blocking domain of a
 * group is an empty paging domain. Reserved regions are what the device reports for an endpoint; if
 * no interrupt window is among them, the driver adds the one of software. An endpoint whose DMA
 * arrives under other ids than its own is unknown to the device, and its probe fails with ENOENT,
 * which ends the registration.
 */
public final class VirtioPersona {
  private VirtioPersona() {}

  /**
   * Starts the description of a device.
   *
   * @param node what the devices behind it name
   * @return that of QEMU's q35: 39 bits, pages from 4 KiB up, the interrupt window of x86
   */
  public static Builder builder(FirmwareNode node) {
    return new Builder(node);
  }

  /** Collects the facts about a device. Not thread-safe. */
  public static final class Builder extends PersonaBuilder<Builder> {
    private long pageMask = 0xffff_ffff_ffff_f000L;
    private int inputBits = 39;
    private List<ResvRegion> properties = List.of(Windows.X86_MSI);

    private Builder(FirmwareNode node) {
      super("0000:00:0e.0", node);
    }

    @Override
    Builder self() {
      return this;
    }

    /**
     * Sets what the device offers.
     *
     * @param mask page sizes, one bit per size in bytes
     * @param bits width of a translated address
     * @return this
     */
    public Builder addresses(long mask, int bits) {
      pageMask = mask;
      inputBits = bits;
      return this;
    }

    /**
     * Sets what the device reports for each endpoint.
     *
     * @param regions of type {@link ResvType#MSI} or {@link ResvType#RESERVED}; the interrupt
     *     window of x86 by default
     * @return this
     */
    public Builder endpointProperties(List<ResvRegion> regions) {
      properties = List.copyOf(regions);
      return this;
    }

    /**
     * Makes the device.
     *
     * @return a device that is registered nowhere
     */
    public Persona build() {
      return new Persona(this, new Ops(this), false);
    }
  }

  private static final class Ops extends PersonaOps {
    private final Builder facts;

    Ops(Builder facts) {
      super("virtio-iommu", facts);
      this.facts = facts;
    }

    @Override
    public Set<IommuOp> operations() {
      return EnumSet.of(
          IommuOp.RELEASE_DEVICE,
          IommuOp.GET_RESV_REGIONS,
          IommuOp.CAPABLE,
          IommuOp.OF_XLATE,
          IommuOp.DOMAIN_ALLOC_PAGING,
          IommuOp.DOMAIN_ALLOC_IDENTITY);
    }

    @Override
    public @Nullable StaticDomain identityDomain() {
      return null;
    }

    @Override
    public @Nullable StaticDomain blockedDomain() {
      return null;
    }

    @Override
    public @Nullable StaticDomain releaseDomain() {
      return null;
    }

    @Override
    void admit(Device device) {
      if (device instanceof PciDevice pci && DmaIds.of(pci).size() > 1) {
        throw refusal(Errno.ENOENT, device, "is no endpoint of");
      }
    }

    @Override
    void addDriverRegions(Device device, List<ResvRegion> regions) {
      List<ResvRegion> reported = new ArrayList<>(facts.properties);
      if (reported.stream().noneMatch(region -> region.type() == ResvType.MSI)) {
        reported.add(Windows.SOFTWARE_MSI);
      }
      regions.addAll(reported);
    }

    @Override
    public boolean capable(DevIommu device, Capability capability) {
      return capability == Capability.CACHE_COHERENCY || capability == Capability.DEFERRED_FLUSH;
    }

    @Override
    public DomainOps domainAllocIdentity(DevIommu device) {
      return new Bypass();
    }

    @Override
    long pageSizes(Set<AllocFlag> flags) {
      return facts.pageMask;
    }

    @Override
    DomainGeometry geometry(Set<AllocFlag> flags) {
      return DomainGeometry.ofBits(facts.inputBits);
    }
  }

  /** What the device calls a bypass domain. */
  private static final class Bypass implements DomainOps {
    @Override
    public Set<DomainOp> operations() {
      return EnumSet.of(DomainOp.ATTACH_DEV, DomainOp.FREE);
    }

    @Override
    public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
      // There is no hardware.
    }

    @Override
    public void free(Domain self) {
      // Nothing is held.
    }
  }
}
