package com.example.pocket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.Prot;
import org.iommu4j.core.IommuCore;
import org.iommu4j.testkit.DmaFault;
import org.iommu4j.testkit.SoftHardware;
import org.junit.jupiter.api.Test;

class PocketTest {
  @Test
  void runsWhereItWasMeantTo() {
    boolean modular = PocketMachine.class.getModule().isNamed();
    assertEquals(Boolean.getBoolean("modular"), modular);
    assertEquals(modular, IommuCore.class.getModule().isNamed());
  }

  @Test
  void anOwnedDeviceReachesWhatItsOwnerMapped() {
    var hardware = SoftHardware.create();
    try (var core = PocketMachine.start(hardware.port())) {
      PciDevice device = PciDevice.at("0000:01:00.0");
      DevIommu nic = core.probeDevice(device);
      try (var owner = nic.group().own(new DmaOwner("test"));
          var domain = core.allocPagingDomain(nic);
          var attachment = nic.group().attachScoped(domain)) {
        domain.map(0x1000, 0x4000_0000, 0x1000, Prot.READ);
        hardware.memory().write(0x4000_0008, 42);
        assertEquals(42, hardware.dma(nic).read(0x1008));
        assertThrows(DmaFault.class, () -> hardware.dma(nic).write(0x1008, 1));
        var refused = assertThrows(IommuException.class, () -> core.bindDriver(device, false));
        assertEquals(Errno.EBUSY, refused.errno());
      }
      core.bindDriver(device, false);
      core.unbindDriver(device);
      assertEquals(0, core.violationCount());
    }
  }
}
