import com.example.pocket.PocketMachine;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.Prot;
import org.iommu4j.testkit.SoftHardware;

/** Gives a device to a guest, which writes to its memory. A file of its own, run as it is. */
public final class Demo {
  public static void main(String[] args) {
    var hardware = SoftHardware.create();
    try (var core = PocketMachine.start(hardware.port())) {
      DevIommu nic = core.probeDevice(PciDevice.at("0000:01:00.0"));
      System.out.println(core.dump());
      try (var owner = nic.group().own(new DmaOwner("my-vmm"));
          var guest = core.allocPagingDomain(nic);
          var attachment = nic.group().attachScoped(guest)) {
        guest.map(0, 0x4000_0000, 0x20_0000, Prot.RW);
        hardware.dma(nic).write(0x1000, 42);
        System.out.printf("0x40001000: %d%n", hardware.memory().read(0x4000_1000));
      }
    }
    System.out.println("machine: " + PocketMachine.class.getModule());
    System.out.println("testkit: " + SoftHardware.class.getModule());
  }
}
