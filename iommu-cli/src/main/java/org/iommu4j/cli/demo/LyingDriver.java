package org.iommu4j.cli.demo;

import org.iommu4j.api.IotlbGather;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.testkit.ForwardingIommuOps;
import org.iommu4j.testkit.ForwardingPagingDomainOps;

/** A driver with a bug: it says that it has invalidated, and has not. */
final class LyingDriver extends ForwardingIommuOps {
  private LyingDriver(IommuOps honest) {
    super(honest);
  }

  /** Puts the bug into the driver of an IOMMU. */
  static IommuDevice insteadOf(IommuDevice honest) {
    return new LyingDriver(honest.ops()).around(honest);
  }

  @Override
  protected PagingDomainOps wrapPaging(PagingDomainOps domain) {
    return new Domain(domain);
  }

  private static final class Domain extends ForwardingPagingDomainOps {
    Domain(PagingDomainOps honest) {
      super(honest);
    }

    /** Invalidates page 0, which nobody ever maps, instead of what was gathered. */
    @Override
    public void iotlbSync(IotlbGather gather) {
      IotlbGather wrong = new IotlbGather();
      wrong.addRange(0, pageSizes() & -pageSizes());
      for (int i = 0; i < gather.freedCount(); i++) {
        wrong.free(gather.freed(i));
      }
      super.iotlbSync(wrong);
    }

    @Override
    public void flushIotlbAll() {
      // The lie.
    }
  }
}
