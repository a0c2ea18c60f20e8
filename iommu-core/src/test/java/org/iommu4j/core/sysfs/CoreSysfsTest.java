package org.iommu4j.core.sysfs;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PciBus;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.fake.Rig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class CoreSysfsTest {
  private static final String GROUP = "/sys/kernel/iommu_groups/0";

  @RegisterExtension final Rig rig = new Rig();

  private SysfsProcess root() {
    return CoreSysfs.of(rig.core()).as(Caller.ROOT);
  }

  @Test // CORE-800, CORE-801, CORE-808
  void aGroupIsADirectoryNamedByItsNumber() {
    rig.startWithGroup("a", "b");
    rig.add("c");
    assertThat(root().list("/sys/kernel/iommu_groups")).containsExactly("0", "1");
    assertThat(root().list(GROUP)).containsExactly("devices", "reserved_regions", "type");
    assertThat(root().list(GROUP + "/devices")).containsExactly("a", "b");
    assertThat(root().stat(GROUP, true).fileMode()).isEqualTo(0040755);
    assertThat(root().stat(GROUP + "/devices", true).fileMode()).isEqualTo(0040755);
    assertThat(root().stat(GROUP + "/type", true).fileMode()).isEqualTo(0100644);
    assertThat(root().stat(GROUP + "/reserved_regions", true).fileMode()).isEqualTo(0100444);
    assertThat(root().stat(GROUP + "/type", true).size()).isEqualTo(4096);
    Rig.refused(Errno.ENOENT, () -> root().stat("/sys/kernel/iommu_groups/00", true));
    Rig.refused(Errno.ENOENT, () -> root().stat("/sys/kernel/iommu_groups/2", true));
  }

  @Test // CORE-801: also when empty
  void theDevicesDirectoryLivesAsLongAsTheGroup() {
    IommuGroup empty = rig.core().allocGroup();
    assertThat(root().list(GROUP + "/devices")).isEmpty();
    assertThat(root().readString(GROUP + "/type")).isEqualTo("unknown\n"); // CORE-805
    assertThat(root().readString(GROUP + "/reserved_regions")).isEmpty(); // CORE-804
    empty.put();
    Rig.refused(Errno.ENOENT, () -> root().list(GROUP + "/devices"));
    assertThat(root().list("/sys/kernel/iommu_groups")).isEmpty();
  }

  @Test // CORE-037: the link keeps the name the device was given when it joined
  void twoMembersOfOneNameHaveTwoLinks() {
    IommuGroup group = rig.core().allocGroup();
    PciBus bus = PciBus.root(0, 7);
    Device first = PciDevice.builder("twin", bus, 1, 0).build();
    Device second = PciDevice.builder("twin", bus, 2, 0).build();
    rig.core().addToGroup(group, first);
    rig.core().addToGroup(group, second);
    assertThat(root().list(GROUP + "/devices")).containsExactly("twin", "twin.0");
    rig.core().removeFromGroup(first);
    assertThat(root().list(GROUP + "/devices")).containsExactly("twin.0");
    rig.core().removeFromGroup(second);
    group.put();
  }

  @Test // CORE-802
  void theNameIsThereWhileTheGroupHasOne() {
    IommuGroup group = rig.startWithGroup("a");
    Rig.refused(Errno.ENOENT, () -> root().readString(GROUP + "/name"));
    group.setName("gate");
    assertThat(root().readString(GROUP + "/name")).isEqualTo("gate\n");
    assertThat(root().stat(GROUP + "/name", true).fileMode()).isEqualTo(0100444);
    try (SysfsFile name = root().open(GROUP + "/name")) {
      group.setName("fence");
      Rig.refused(Errno.ENODEV, () -> name.pread(1, 0));
    }
    group.setName(null);
    assertThat(root().list(GROUP)).doesNotContain("name");
  }

  @Test // CORE-803
  void reservedRegionsAreLinesOfSixteenDigits() {
    rig.driver.regions.put(
        "a",
        List.of(
            ResvRegion.of(0xfee00000L, 0x100000, 0, ResvType.MSI),
            ResvRegion.of(0, 0x1000000, 0, ResvType.DIRECT_RELAXABLE),
            ResvRegion.of(0xffff_ffff_ffff_f000L, 0x1000, 0, ResvType.RESERVED)));
    rig.startWithGroup("a");
    assertThat(root().readString(GROUP + "/reserved_regions"))
        .isEqualTo(
            "0x0000000000000000 0x0000000000ffffff direct-relaxable\n"
                + "0x00000000fee00000 0x00000000feefffff msi\n"
                + "0xfffffffffffff000 0xffffffffffffffff reserved\n");
  }

  @Test // CORE-804: one page holds the text and the NUL that ends it
  void reservedRegionsAreCutAtOnePage() {
    List<ResvRegion> many = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      many.add(ResvRegion.of(i * 0x10000L, 0x1000, 0, ResvType.RESERVED));
    }
    rig.driver.regions.put("a", many);
    rig.startWithGroup("a");
    String text = root().readString(GROUP + "/reserved_regions");
    assertThat(text).hasSize(4095).startsWith("0x0000000000000000 0x0000000000000fff reserved\n");
  }

  @Test // CORE-805, CORE-806
  void theTypeIsReadAndWritten() {
    rig.startWithGroup("a");
    assertThat(root().readString(GROUP + "/type")).isEqualTo("DMA\n");
    assertThat(root().writeString(GROUP + "/type", "DMA-FQ\n")).isEqualTo(7);
    assertThat(root().readString(GROUP + "/type")).isEqualTo("DMA-FQ\n");
    Rig.refused(Errno.EINVAL, () -> root().writeString(GROUP + "/type", "blocked"));
  }

  @Test // CORE-810, CORE-811
  void aDeviceLeadsToItsGroupAndItsIommu() {
    PciBus top = PciBus.root(0, 0);
    PciDevice port = PciDevice.builder(top, 1, 0).build();
    PciDevice nic = PciDevice.builder(PciBus.below(port, 1), 0, 0).build();
    PciDevice function = PciDevice.builder(PciBus.virtual(nic.bus(), 2), 0, 0).build();
    rig.start();
    List.of(port, nic, function).forEach(rig.core()::addDevice);
    String directory = "/sys/devices/pci0000:00/0000:00:01.0";
    assertThat(root().list(directory))
        .containsExactly("0000:01:00.0", "0000:02:00.0", "iommu", "iommu_group");
    assertThat(root().readlink(directory + "/0000:01:00.0/iommu_group"))
        .isEqualTo("../../../../kernel/iommu_groups/1");
    assertThat(root().readlink(directory + "/0000:01:00.0/iommu"))
        .isEqualTo("../../../virtual/iommu/i0");
    assertThat(root().readlink("/sys/kernel/iommu_groups/1/devices/0000:01:00.0"))
        .isEqualTo("../../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0");
    assertThat(root().realpath("/sys/kernel/iommu_groups/1/devices/0000:01:00.0/iommu_group/type"))
        .isEqualTo("/sys/kernel/iommu_groups/1/type");
    rig.core().releaseDevice(nic);
    Rig.refused(Errno.ENOENT, () -> root().stat(directory + "/0000:01:00.0/iommu_group", false));
  }

  @Test // CORE-811: a member that no driver serves has no IOMMU
  void aPlainMemberLeadsToItsGroupOnly() {
    IommuGroup group = rig.core().allocGroup();
    Device plain = rig.device("plain");
    rig.core().addToGroup(group, plain);
    assertThat(root().list(DevicePath.of(plain))).containsExactly("iommu_group");
    rig.core().removeFromGroup(plain);
    group.put();
  }

  @Test // CORE-820, CORE-823, CORE-824, CORE-825
  void anIommuIsAClassDevice() {
    rig.startWithGroup("a", "b");
    assertThat(root().list("/sys/class/iommu")).containsExactly("i0");
    assertThat(root().readlink("/sys/class/iommu/i0")).isEqualTo("../../devices/virtual/iommu/i0");
    assertThat(root().list("/sys/class/iommu/i0"))
        .containsExactly("devices", "power", "subsystem", "uevent");
    assertThat(root().list("/sys/class/iommu/i0/devices")).containsExactly("a", "b");
    assertThat(root().readlink("/sys/class/iommu/i0/devices/a"))
        .isEqualTo("../../../../pci0000:00/a");
    assertThat(root().realpath("/sys/class/iommu/i0/subsystem")).isEqualTo("/sys/class/iommu");
    rig.core().releaseDevice(rig.device("a"));
    assertThat(root().list("/sys/class/iommu/i0/devices")).containsExactly("b");
    rig.core().unregister(rig.iommu);
    assertThat(root().list("/sys/class/iommu")).isEmpty();
  }
}
