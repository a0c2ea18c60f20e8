package org.iommu4j.jcstress;

import java.util.EnumSet;
import java.util.Set;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.spi.DeviceGroups;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/** An IOMMU that lets everything pass or nothing, and whose driver has nothing to do. */
final class StillIommu implements IommuDevice, IommuOps {
  private final StaticDomain open = new Still(StaticDomain.Kind.IDENTITY);
  private final StaticDomain blocked = new Still(StaticDomain.Kind.BLOCKED);

  @Override
  public String name() {
    return "still";
  }

  @Override
  public IommuOps ops() {
    return this;
  }

  @Override
  public Set<IommuOp> operations() {
    return EnumSet.noneOf(IommuOp.class);
  }

  @Override
  public StaticDomain defaultDomain() {
    return open;
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
  public IommuGroup deviceGroup(DevIommu device, DeviceGroups groups) {
    return groups.generic();
  }

  private record Still(Kind kind) implements StaticDomain {
    @Override
    public Set<DomainOp> operations() {
      return EnumSet.of(DomainOp.ATTACH_DEV);
    }

    @Override
    public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {}
  }
}
