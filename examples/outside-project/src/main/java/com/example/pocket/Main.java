package com.example.pocket;

import java.util.ServiceLoader;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.Prot;
import org.iommu4j.core.IommuCore;
import org.iommu4j.spi.IommuDriverProvider;
import org.iommu4j.testkit.SoftHardware;

/** Embeds the core, with a driver found by name. */
public final class Main {
  private Main() {}

  /** Finds a driver on the class path or the module path. */
  static IommuDriverProvider driver(String name) {
    return ServiceLoader.load(IommuDriverProvider.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(provider -> provider.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("no driver is called " + name));
  }

  /** Gives a device to a guest that writes to its memory. */
  public static void main(String[] args) {
    var hardware = SoftHardware.create();
    try (var core = IommuCore.create(driver("pocket").open(hardware.port()))) {
      DevIommu nic = core.probeDevice(PciDevice.at("0000:01:00.0"));
      System.out.printf(
          "%s: group %d, %s%n", nic.device(), nic.group().id(), nic.group().typeText());
      try (var owner = nic.group().own(new DmaOwner("my-vmm"));
          var guest = core.allocPagingDomain(nic);
          var attachment = nic.group().attachScoped(guest)) {
        guest.map(0, 0x4000_0000, 0x20_0000, Prot.RW);
        hardware.dma(nic).write(0x1000, 42);
        System.out.printf("0x40001000: %d%n", hardware.memory().read(0x4000_1000));
      }
    }
    System.out.println(Main.class.getModule());
  }
}
