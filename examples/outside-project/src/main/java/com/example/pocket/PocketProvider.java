package com.example.pocket;

import org.iommu4j.spi.HardwarePort;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuDriverProvider;

/** Lets {@link java.util.ServiceLoader} find the driver under the name {@code pocket}. */
public final class PocketProvider implements IommuDriverProvider {
  /** For the service loader. */
  public PocketProvider() {}

  @Override
  public String name() {
    return "pocket";
  }

  @Override
  public IommuDevice open(HardwarePort port) {
    return new PocketIommu(port);
  }
}
