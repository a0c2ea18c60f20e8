package org.iommu4j.driver.soft;

import org.iommu4j.spi.HardwarePort;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuDriverProvider;

/** Lets {@link java.util.ServiceLoader} find the SoftIOMMU driver under the name {@code soft}. */
public final class SoftIommuProvider implements IommuDriverProvider {
  /** Creates a provider, for the service loader. */
  public SoftIommuProvider() {}

  @Override
  public String name() {
    return "soft";
  }

  @Override
  public IommuDevice open(HardwarePort port) {
    return SoftIommu.on(port);
  }
}
