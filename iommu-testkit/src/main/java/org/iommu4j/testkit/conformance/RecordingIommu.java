package org.iommu4j.testkit.conformance;

import java.util.function.Function;
import org.iommu4j.api.Device;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.spi.IommuDevice;
import org.jspecify.annotations.Nullable;

/** An IOMMU with a recording driver of its own (trace format, section 3). */
public final class RecordingIommu implements IommuDevice {
  private final InstanceSpec spec;
  private final RecordingIommuOps ops;
  private final @Nullable FirmwareNode node;

  /**
   * Creates an IOMMU; it is not registered anywhere.
   *
   * @param spec what its driver can do
   * @param devices what is known about a device; null for a device that this IOMMU does not serve
   * @param recording where the driver writes
   */
  public RecordingIommu(
      InstanceSpec spec, Function<Device, @Nullable DeviceSpec> devices, Recording recording) {
    this.spec = spec;
    this.ops = new RecordingIommuOps(this, spec, devices, recording);
    this.node = spec.firmware() ? new FirmwareNode(spec.name()) : null;
  }

  @Override
  public String name() {
    return spec.name();
  }

  @Override
  public RecordingIommuOps ops() {
    return ops;
  }

  @Override
  public @Nullable FirmwareNode firmwareNode() {
    return node;
  }

  @Override
  public int maxPasids() {
    return spec.maxPasids();
  }

  @Override
  public String toString() {
    return spec.name();
  }
}
