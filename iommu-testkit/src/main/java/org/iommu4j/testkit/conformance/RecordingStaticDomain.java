package org.iommu4j.testkit.conformance;

import java.util.Locale;
import java.util.Set;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/** A static domain of a recording driver. */
final class RecordingStaticDomain implements StaticDomain {
  private final Recording recording;
  private final Kind kind;
  private final Set<DomainOp> operations;

  RecordingStaticDomain(Recording recording, Kind kind, boolean pasid) {
    this.recording = recording;
    this.kind = kind;
    this.operations =
        pasid ? Set.of(DomainOp.ATTACH_DEV, DomainOp.SET_DEV_PASID) : Set.of(DomainOp.ATTACH_DEV);
  }

  String label() {
    return kind.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public Kind kind() {
    return kind;
  }

  @Override
  public Set<DomainOp> operations() {
    return operations;
  }

  @Override
  public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
    Attaches.attach(recording, self, device, old);
  }

  @Override
  public void setDevPasid(Domain self, DevIommu device, int pasid, @Nullable Domain old) {
    Attaches.setPasid(recording, self, device, pasid, old);
  }

  @Override
  public String toString() {
    return label();
  }
}
