package org.iommu4j.fake;

import org.iommu4j.api.FirmwareNode;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOps;
import org.jspecify.annotations.Nullable;

/** An IOMMU of the fake driver. */
public final class FakeInstance implements IommuDevice {
  /** How many PASIDs it supports; sampled at registration. */
  public int maxPasids = 1 << 20;

  private final String name;
  private final IommuOps ops;
  private final @Nullable FirmwareNode node;

  /**
   * Creates an IOMMU.
   *
   * @param name for messages
   * @param ops its driver
   * @param node where firmware describes it, or null
   */
  public FakeInstance(String name, IommuOps ops, @Nullable FirmwareNode node) {
    this.name = name;
    this.ops = ops;
    this.node = node;
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
