package org.iommu4j.testkit;

import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.spi.DomainOps;
import org.jspecify.annotations.Nullable;

/** An identity domain of which each call goes through an interceptor. */
final class InterceptedDomain extends ForwardingDomainOps {
  private final CallInterceptor calls;
  private final String label;

  InterceptedDomain(DomainOps delegate, CallInterceptor calls, String label) {
    super(delegate);
    this.calls = calls;
    this.label = label;
  }

  static DriverCall attach(String label, DevIommu device, @Nullable Domain old) {
    return new DriverCall(
        DriverCallback.ATTACH_DEV, device.device(), label + " " + device.device() + from(old));
  }

  static DriverCall setPasid(String label, DevIommu device, int pasid, @Nullable Domain old) {
    String operands = String.format("%s %s pasid=0x%x%s", label, device.device(), pasid, from(old));
    return new DriverCall(DriverCallback.SET_DEV_PASID, device.device(), operands);
  }

  private static String from(@Nullable Domain old) {
    return old == null ? "" : " from " + old.ops();
  }

  @Override
  public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
    calls.run(attach(label, device, old), () -> super.attachDev(self, device, old));
  }

  @Override
  public void setDevPasid(Domain self, DevIommu device, int pasid, @Nullable Domain old) {
    calls.run(
        setPasid(label, device, pasid, old), () -> super.setDevPasid(self, device, pasid, old));
  }

  @Override
  public void free(Domain self) {
    calls.run(new DriverCall(DriverCallback.FREE, null, label), () -> super.free(self));
  }

  @Override
  public String toString() {
    return label;
  }
}
