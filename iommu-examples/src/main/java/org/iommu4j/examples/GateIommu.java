package org.iommu4j.examples;

import java.util.Map;
import java.util.Set;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.Domain;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.spi.DeviceGroups;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/*
 * A driver for hardware with one gate per device: its DMA passes untranslated, or it does not pass.
 * A record brings half of what an interface asks for: name, operations and the two domains.
 */
// tag::driver[]
record GateIommu(String name, Set<IommuOp> operations, Gate defaultDomain, Gate blockedDomain)
    implements IommuDevice, IommuOps {
  @Override
  public IommuOps ops() {
    return this;
  }

  @Override
  public IommuDevice probeDevice(DevIommu device) {
    return this;
  }

  @Override
  public IommuGroup deviceGroup(DevIommu device, DeviceGroups groups) {
    return groups.pci();
  }

  record Gate(Kind kind, Set<DomainOp> operations, Map<Device, Boolean> open)
      implements StaticDomain {
    @Override
    public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
      open.put(device.device(), kind == Kind.IDENTITY);
    }
  }
}
// end::driver[]
