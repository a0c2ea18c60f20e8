package org.iommu4j.testkit.persona;

import java.util.EnumSet;
import java.util.Set;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/** A domain without mappings, shared by all devices of one IOMMU. */
record FixedDomain(Kind kind) implements StaticDomain {
  @Override
  public Set<DomainOp> operations() {
    return EnumSet.of(DomainOp.ATTACH_DEV);
  }

  @Override
  public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
    // There is no hardware.
  }
}
