package org.iommu4j.examples;

import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.Prot;
import org.iommu4j.core.IommuCore;
import org.iommu4j.driver.soft.SoftIommu;
import org.iommu4j.testkit.SoftHardware;

/** A virtual machine monitor takes a device, gives it to a guest, and hands it back. */
public final class PassThrough {
  private PassThrough() {}

  /**
   * Runs the life of one guest.
   *
   * @param args none
   */
  public static void main(String... args) {
    // tag::passthrough[]
    var hardware = SoftHardware.create();
    var nic = PciDevice.at("0000:01:00.0");
    try (var core = IommuCore.create(SoftIommu.on(hardware.port()))) {
      IommuGroup group = core.probeDevice(nic).group();
      try (var claim = group.own(new DmaOwner("my-vmm")); // iommu_group_claim_dma_owner
          var guest = core.allocPagingDomain(nic); // iommu_paging_domain_alloc
          var attachment = group.attachScoped(guest)) { // iommu_attach_group
        guest.map(0, 0x4000_0000, 0x800_0000, Prot.RW); // the guest's memory at its address 0
        hardware.dma(nic).write(0x1000, 42); // by the guest: lands at 0x4000_1000
        core.bindDriver(nic, false); // by the host: refused
      } catch (IommuException refused) {
        System.out.println(refused.getMessage()); // EBUSY: ...
      } // closed in the kernel's order: detach, free, release
      core.bindDriver(nic, false); // the device is back on its default domain
      System.out.println(group.typeText()); // DMA-FQ
      core.unbindDriver(nic);
    }
    // end::passthrough[]
  }
}
