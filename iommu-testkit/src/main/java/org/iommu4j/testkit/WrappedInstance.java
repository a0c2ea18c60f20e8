package org.iommu4j.testkit;

import org.iommu4j.api.FirmwareNode;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOps;
import org.jspecify.annotations.Nullable;

/** An IOMMU whose driver is wrapped. */
final class WrappedInstance implements IommuDevice {
  private final IommuDevice inner;
  private final IommuOps ops;

  WrappedInstance(IommuDevice inner, IommuOps ops) {
    this.inner = inner;
    this.ops = ops;
  }

  @Override
  public String name() {
    return inner.name();
  }

  @Override
  public IommuOps ops() {
    return ops;
  }

  @Override
  public @Nullable FirmwareNode firmwareNode() {
    return inner.firmwareNode();
  }

  @Override
  public int maxPasids() {
    return inner.maxPasids();
  }

  @Override
  public String toString() {
    return inner.name();
  }
}
