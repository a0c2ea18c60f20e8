package org.iommu4j.testkit;

import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
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

/** A driver without hardware, with a group for each device. */
public final class ToyIommu implements IommuDevice, IommuOps {
  static final long PAGE = 0x1000;

  private final StaticDomain identity = new Fixed(StaticDomain.Kind.IDENTITY);
  private final StaticDomain blocked = new Fixed(StaticDomain.Kind.BLOCKED);

  @Override
  public String name() {
    return "toy";
  }

  @Override
  public IommuOps ops() {
    return this;
  }

  @Override
  public Set<IommuOp> operations() {
    return EnumSet.of(IommuOp.RELEASE_DEVICE, IommuOp.CAPABLE, IommuOp.DOMAIN_ALLOC_PAGING);
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
    // There is nothing to give up.
  }

  @Override
  public IommuGroup deviceGroup(DevIommu device, DeviceGroups groups) {
    return groups.generic();
  }

  @Override
  public boolean capable(DevIommu device, Capability capability) {
    return capability == Capability.DEFERRED_FLUSH;
  }

  @Override
  public PagingDomainOps domainAllocPaging(DevIommu device) {
    return new Paging();
  }

  @Override
  public String toString() {
    return name();
  }

  private record Fixed(Kind kind) implements StaticDomain {
    @Override
    public Set<DomainOp> operations() {
      return EnumSet.of(DomainOp.ATTACH_DEV);
    }

    @Override
    public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
      // There is no hardware.
    }
  }

  private static final class Paging implements PagingDomainOps {
    private final Map<Long, Long> pages = new ConcurrentHashMap<>();

    @Override
    public Set<DomainOp> operations() {
      return EnumSet.of(
          DomainOp.ATTACH_DEV,
          DomainOp.FREE,
          DomainOp.MAP_PAGES,
          DomainOp.IOVA_TO_PHYS,
          DomainOp.IOTLB_SYNC,
          DomainOp.FLUSH_IOTLB_ALL);
    }

    @Override
    public long pageSizes() {
      return PAGE;
    }

    @Override
    public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
      // There is no hardware.
    }

    @Override
    public void free(Domain self) {
      pages.clear();
    }

    @Override
    public long mapPages(long iova, long paddr, long pageSize, long pageCount, int prot) {
      for (long page = 0; page < pageCount; page++) {
        pages.put(iova + page * PAGE, paddr + page * PAGE);
      }
      return MapResult.mapped(pageCount);
    }

    @Override
    public long unmapPages(long iova, long pageSize, long pageCount, IotlbGather gather) {
      long done = 0;
      while (done < pageCount && pages.remove(iova + done * PAGE) != null) {
        gather.addRange(iova + done * PAGE, PAGE);
        done++;
      }
      return done * PAGE;
    }

    @Override
    public void iotlbSync(IotlbGather gather) {
      // Nothing is cached.
    }

    @Override
    public void flushIotlbAll() {
      // Nothing is cached.
    }

    @Override
    public long iovaToPhys(long iova) {
      Long page = pages.get(iova & -PAGE);
      return page == null ? 0 : page + (iova & (PAGE - 1));
    }
  }
}
