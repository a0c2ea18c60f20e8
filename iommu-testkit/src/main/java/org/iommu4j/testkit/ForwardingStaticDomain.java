package org.iommu4j.testkit;

import org.iommu4j.spi.StaticDomain;

/** A shared domain that passes every call on to another one. */
public abstract class ForwardingStaticDomain extends ForwardingDomainOps implements StaticDomain {
  private final StaticDomain delegate;

  /**
   * Creates a wrapper.
   *
   * @param delegate does the work
   */
  protected ForwardingStaticDomain(StaticDomain delegate) {
    super(delegate);
    this.delegate = delegate;
  }

  @Override
  protected StaticDomain delegate() {
    return delegate;
  }

  @Override
  public Kind kind() {
    return delegate.kind();
  }
}
