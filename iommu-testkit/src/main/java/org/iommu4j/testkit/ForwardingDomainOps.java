package org.iommu4j.testkit;

import java.util.Set;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.DomainOps;
import org.jspecify.annotations.Nullable;

/**
 * A driver's domain that passes every call on to another one: the base class for wrapping a domain
 * without translations.
 *
 * <p>{@code self.ops()} and {@code old.ops()} are wrappers then: a driver that casts them to its
 * own class cannot be wrapped.
 */
public abstract class ForwardingDomainOps implements DomainOps {
  private final DomainOps delegate;

  /**
   * Creates a wrapper.
   *
   * @param delegate does the work
   */
  protected ForwardingDomainOps(DomainOps delegate) {
    this.delegate = delegate;
  }

  /**
   * What is wrapped.
   *
   * @return always the same object
   */
  protected DomainOps delegate() {
    return delegate;
  }

  @Override
  public Set<DomainOp> operations() {
    return delegate.operations();
  }

  @Override
  public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
    delegate.attachDev(self, device, old);
  }

  @Override
  public void setDevPasid(Domain self, DevIommu device, int pasid, @Nullable Domain old) {
    delegate.setDevPasid(self, device, pasid, old);
  }

  @Override
  public void free(Domain self) {
    delegate.free(self);
  }

  @Override
  public String toString() {
    return delegate.toString();
  }
}
