package org.iommu4j.driver.soft;

import org.iommu4j.api.FirmwareNode;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOps;
import org.jspecify.annotations.Nullable;

/** One SoftIOMMU as the core sees it. */
final class SoftInstance implements IommuDevice {
  private final String name;
  private final IommuOps ops;
  private final @Nullable FirmwareNode node;
  private final int maxPasids;

  SoftInstance(String name, IommuOps ops, @Nullable FirmwareNode node, int maxPasids) {
    this.name = name;
    this.ops = ops;
    this.node = node;
    this.maxPasids = maxPasids;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public IommuOps ops() {
    return ops;
  }

  @Override
  public @Nullable FirmwareNode firmwareNode() {
    return node;
  }

  @Override
  public int maxPasids() {
    return maxPasids;
  }

  @Override
  public String toString() {
    return name;
  }
}
