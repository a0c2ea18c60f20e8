package org.iommu4j.tests.concurrency;

import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.Domain;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.spi.DeviceGroups;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/**
 * The smallest driver with every kind of domain: one group for all its devices, no failures.
 *
 * <p>It remembers where each device points, in a map without any lock of its own. Everything that
 * touches the map runs under the group lock, so a model checker that sees a torn one has found a
 * hole in that lock.
 */
final class RoomDriver implements IommuDevice, IommuOps {
  private final Map<Device, String> whereabouts = new HashMap<>();
  private final StaticDomain identity = new Fixed(StaticDomain.Kind.IDENTITY);
  private final StaticDomain blocked = new Fixed(StaticDomain.Kind.BLOCKED);

  /** Where a device points; call it under the group lock. */
  String whereabouts(Device device) {
    return whereabouts.getOrDefault(device, "nowhere");
  }

  @Override
  public String name() {
    return "room";
  }

  @Override
  public IommuOps ops() {
    return this;
  }

  @Override
  public Set<IommuOp> operations() {
    return EnumSet.of(IommuOp.DOMAIN_ALLOC_PAGING, IommuOp.RELEASE_DEVICE, IommuOp.CAPABLE);
  }

  @Override
  public boolean capable(DevIommu device, Capability capability) {
    return true;
  }

  @Override
  public StaticDomain identityDomain() {
    return identity;
  }

  @Override
  public StaticDomain blockedDomain() {
    return blocked;
  }

  @Override
  public IommuDevice probeDevice(DevIommu device) {
    return this;
  }

  @Override
  public void releaseDevice(DevIommu device) {
    whereabouts.remove(device.device());
  }

  @Override
  public IommuGroup deviceGroup(DevIommu device, DeviceGroups groups) {
    return groups.singleton();
  }

  @Override
  public PagingDomainOps domainAllocPaging(DevIommu device) {
    return new Paging();
  }

  /** A name for a domain; a live switch changes the type under its devices, so lazy is strict. */
  static String place(@Nullable Domain domain) {
    if (domain == null) {
      return "nowhere";
    }
    return domain.isDma() ? "DMA" : domain.type().sysfsName();
  }

  private void attached(Domain domain, DevIommu device) {
    whereabouts.put(device.device(), place(domain));
  }

  /** Identity or blocked. */
  private final class Fixed implements StaticDomain {
    private final Kind kind;

    Fixed(Kind kind) {
      this.kind = kind;
    }

    @Override
    public Kind kind() {
      return kind;
    }

    @Override
    public Set<DomainOp> operations() {
      return EnumSet.of(DomainOp.ATTACH_DEV);
    }

    @Override
    public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
      attached(self, device);
    }
  }

  /** Translates nothing: no operation here maps. */
  private final class Paging implements PagingDomainOps {
    @Override
    public Set<DomainOp> operations() {
      return EnumSet.of(DomainOp.ATTACH_DEV);
    }

    @Override
    public long pageSizes() {
      return 0x1000;
    }

    @Override
    public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
      attached(self, device);
    }
  }
}
