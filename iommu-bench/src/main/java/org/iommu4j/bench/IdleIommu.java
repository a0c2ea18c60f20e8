package org.iommu4j.bench;

import java.util.EnumSet;
import java.util.Set;
import java.util.function.Supplier;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.spi.DeviceGroups;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/** An IOMMU whose driver does nothing, so that what is measured is the core alone. */
final class IdleIommu implements IommuDevice, IommuOps {
  private static final Set<IommuOp> OPERATIONS =
      EnumSet.of(IommuOp.DOMAIN_ALLOC_PAGING, IommuOp.RELEASE_DEVICE, IommuOp.CAPABLE);

  private final StaticDomain identity = new Still(StaticDomain.Kind.IDENTITY);
  private final StaticDomain blocked = new Still(StaticDomain.Kind.BLOCKED);
  private final boolean oneGroup;
  private final Supplier<PagingDomainOps> domains;

  /**
   * Creates the hardware.
   *
   * @param oneGroup whether all devices share a group
   */
  IdleIommu(boolean oneGroup) {
    this(oneGroup, Empty::new);
  }

  /**
   * Creates hardware with working domains.
   *
   * @param oneGroup whether all devices share a group
   * @param domains makes a domain
   */
  IdleIommu(boolean oneGroup, Supplier<PagingDomainOps> domains) {
    this.oneGroup = oneGroup;
    this.domains = domains;
  }

  @Override
  public String name() {
    return "idle";
  }

  @Override
  public IommuOps ops() {
    return this;
  }

  @Override
  public Set<IommuOp> operations() {
    return OPERATIONS;
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
  public IommuGroup deviceGroup(DevIommu device, DeviceGroups groups) {
    return oneGroup ? groups.singleton() : groups.generic();
  }

  @Override
  public void releaseDevice(DevIommu device) {}

  @Override
  public boolean capable(DevIommu device, Capability capability) {
    return true;
  }

  @Override
  public PagingDomainOps domainAllocPaging(DevIommu device) {
    return domains.get();
  }

  /** A static domain that every device reaches at once. */
  private static final class Still implements StaticDomain {
    private static final Set<DomainOp> OPERATIONS = EnumSet.of(DomainOp.ATTACH_DEV);
    private final Kind kind;

    Still(Kind kind) {
      this.kind = kind;
    }

    @Override
    public Kind kind() {
      return kind;
    }

    @Override
    public Set<DomainOp> operations() {
      return OPERATIONS;
    }

    @Override
    public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {}
  }

  /** A translating domain that forgets everything it is told. */
  private static final class Empty implements PagingDomainOps {
    private static final Set<DomainOp> OPERATIONS =
        EnumSet.of(
            DomainOp.ATTACH_DEV, DomainOp.FREE, DomainOp.MAP_PAGES, DomainOp.FLUSH_IOTLB_ALL);
    private static final long PAGE = 4096;

    @Override
    public Set<DomainOp> operations() {
      return OPERATIONS;
    }

    @Override
    public long pageSizes() {
      return PAGE;
    }

    @Override
    public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {}

    @Override
    public void free(Domain self) {}

    @Override
    public long mapPages(long iova, long paddr, long pageSize, long pageCount, int prot) {
      return MapResult.mapped(pageCount);
    }

    @Override
    public long unmapPages(long iova, long pageSize, long pageCount, IotlbGather gather) {
      return pageSize * pageCount;
    }

    @Override
    public void flushIotlbAll() {}
  }
}
