package org.iommu4j.tests.concurrency;

import java.util.List;
import org.iommu4j.api.BootParameters;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.PciDevice;
import org.iommu4j.core.IommuCore;

/** Two members on a strict default domain; a consumer's domain and two owners wait. */
final class Room {
  final RoomDriver driver = new RoomDriver();
  final IommuCore core;
  final List<PciDevice> devices =
      List.of(
          PciDevice.builder("0000:01:00.0").ats(true).build(),
          PciDevice.builder("0000:01:00.1").ats(true).build());
  final List<DmaOwner> owners = List.of(new DmaOwner("first"), new DmaOwner("second"));
  final IommuGroup group;
  final PagingDomain consumer;

  Room() {
    core =
        IommuCore.builder()
            .bootParameters(BootParameters.NONE.withStrict("1"))
            .scheduler((delay, task) -> () -> {})
            .build();
    core.register(driver);
    devices.forEach(core::probeDevice);
    group = core.deviceOf(devices.get(0)).orElseThrow().group();
    consumer = core.allocPagingDomain(devices.get(0));
  }
}
