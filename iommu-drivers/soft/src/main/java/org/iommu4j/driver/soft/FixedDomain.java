package org.iommu4j.driver.soft;

import java.util.Set;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Pasid;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/** The identity or the blocked domain: one word, the same for every device. Never freed. */
final class FixedDomain implements StaticDomain {
  private static final Set<DomainOp> OPERATIONS =
      Set.of(DomainOp.ATTACH_DEV, DomainOp.SET_DEV_PASID);

  private final SoftIommu iommu;
  private final Kind kind;
  private final long entry;

  FixedDomain(SoftIommu iommu, Kind kind, long entry) {
    this.iommu = iommu;
    this.kind = kind;
    this.entry = entry;
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
  public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
    Endpoint.of(device, iommu).set(Pasid.NONE, entry);
  }

  @Override
  public void setDevPasid(Domain self, DevIommu device, int pasid, @Nullable Domain old) {
    Endpoint.of(device, iommu).set(pasid, entry);
  }

  @Override
  public String toString() {
    return kind.toString();
  }
}
