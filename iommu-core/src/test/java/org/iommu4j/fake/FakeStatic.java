package org.iommu4j.fake;

import java.util.EnumSet;
import java.util.Set;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/** A static domain of the fake driver. */
public final class FakeStatic implements StaticDomain {
  /** Which operations it declares. */
  public final Set<DomainOp> operations =
      EnumSet.of(DomainOp.ATTACH_DEV, DomainOp.SET_DEV_PASID, DomainOp.FREE);

  private final Witness witness;
  private final Kind kind;

  FakeStatic(Witness witness, Kind kind) {
    this.witness = witness;
    this.kind = kind;
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
    witness.run("attach", device, FakeDomain.attachLine(self, device, old), () -> {});
  }

  @Override
  public void setDevPasid(Domain self, DevIommu device, int pasid, @Nullable Domain old) {
    witness.run("pasid", device, FakeDomain.pasidLine(self, device, pasid, old), () -> {});
  }

  @Override
  public void free(Domain self) {
    witness.run("free", this, "free " + this, () -> {});
  }

  @Override
  public String toString() {
    return switch (kind) {
      case IDENTITY -> "identity";
      case BLOCKED -> "blocked";
      case PLATFORM -> "platform";
    };
  }
}
