package org.iommu4j.testkit;

import java.util.Locale;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/** A shared domain of which each call goes through an interceptor. */
final class InterceptedStaticDomain extends ForwardingStaticDomain {
  private final CallInterceptor calls;
  private final String label;

  InterceptedStaticDomain(StaticDomain delegate, CallInterceptor calls) {
    super(delegate);
    this.calls = calls;
    this.label = delegate.kind().name().toLowerCase(Locale.ROOT);
  }

  @Override
  public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
    calls.run(
        InterceptedDomain.attach(label, device, old), () -> super.attachDev(self, device, old));
  }

  @Override
  public void setDevPasid(Domain self, DevIommu device, int pasid, @Nullable Domain old) {
    calls.run(
        InterceptedDomain.setPasid(label, device, pasid, old),
        () -> super.setDevPasid(self, device, pasid, old));
  }

  @Override
  public String toString() {
    return label;
  }
}
