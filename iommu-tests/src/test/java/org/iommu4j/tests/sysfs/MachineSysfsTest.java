package org.iommu4j.tests.sysfs;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.sysfs.OpenFlag;
import org.iommu4j.core.sysfs.SysfsFile;
import org.iommu4j.core.sysfs.SysfsProcess;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What Linux shows of PCI, over a fake machine. */
class MachineSysfsTest {
  private static final String BUS = "/sys/bus/pci";
  private static final String DRIVERS = BUS + "/drivers";
  private static final String NIC = SysfsRig.NIC;

  private final SysfsRig rig = new SysfsRig();
  private final SysfsProcess root = rig.root;

  @AfterEach
  void close() {
    rig.close();
  }

  private static void refused(Errno errno, ThrowingCallable call) {
    IommuException refusal = catchThrowableOfType(IommuException.class, call);
    assertThat(refusal).isNotNull();
    assertThat(refusal.errno()).as(refusal.getMessage()).isEqualTo(errno);
  }

  private String read(String file) {
    return root.readString(rig.device(NIC) + "/" + file);
  }

  private int write(String file, String text) {
    return root.writeString(rig.device(NIC) + "/" + file, text);
  }

  @Test
  void aFunctionHasItsFactsAndLinks() {
    assertThat(read("vendor")).isEqualTo("0x8086\n");
    assertThat(read("device")).isEqualTo("0x10c9\n");
    assertThat(read("class")).isEqualTo("0x020000\n");
    assertThat(read("driver_override")).isEqualTo("(null)\n");
    assertThat(read("uevent"))
        .isEqualTo("DRIVER=igb\nPCI_CLASS=20000\nPCI_ID=8086:10C9\nPCI_SLOT_NAME=0000:01:00.0\n");
    assertThat(root.readlink(rig.device(NIC)))
        .isEqualTo("../../../devices/pci0000:00/0000:00:01.0/0000:01:00.0");
    assertThat(root.readlink(rig.device(NIC) + "/driver"))
        .isEqualTo("../../../../bus/pci/drivers/igb");
    assertThat(root.realpath(DRIVERS + "/igb/" + NIC)).isEqualTo(root.realpath(rig.device(NIC)));
    assertThat(root.list(rig.device(NIC)))
        .contains("iommu", "iommu_group", "subsystem", "remove", "rescan", "sriov_numvfs");
    assertThat(root.list("/sys/devices/pci0000:00"))
        .containsExactly("0000:00:01.0", "0000:00:02.0", "pci_bus");
  }

  @ParameterizedTest
  @CsvSource({
    "vendor, 100444",
    "class, 100444",
    "driver_override, 100644",
    "remove, 100220",
    "rescan, 100200",
    "uevent, 100644",
    "sriov_numvfs, 100644",
    "driver, 120777",
    "iommu_group, 120777"
  })
  void modesAreThoseOfLinux(String file, String mode) {
    assertThat(root.stat(rig.device(NIC) + "/" + file, false).fileMode())
        .isEqualTo(Integer.parseInt(mode, 8));
  }

  @Test
  void modesOfTheBusAreThoseOfLinux() {
    assertThat(root.list(BUS))
        .containsExactly("devices", "drivers", "drivers_autoprobe", "drivers_probe", "rescan");
    assertThat(root.stat(BUS + "/rescan", true).fileMode()).isEqualTo(0100200);
    assertThat(root.stat(BUS + "/drivers_probe", true).fileMode()).isEqualTo(0100200);
    assertThat(root.stat(BUS + "/drivers_autoprobe", true).fileMode()).isEqualTo(0100644);
    assertThat(root.stat(DRIVERS + "/igb/bind", true).fileMode()).isEqualTo(0100200);
    assertThat(root.list(DRIVERS)).containsExactly("ahci", "igb", "vfio-pci");
    SysfsProcess user = rig.tree.as(Caller.UNPRIVILEGED);
    refused(Errno.EACCES, () -> user.writeString(BUS + "/rescan", "1"));
    refused(Errno.EACCES, () -> user.writeString(rig.device(NIC) + "/remove", "1"));
    refused(Errno.EACCES, () -> root.readString(rig.device(NIC) + "/remove"));
  }

  @Test // CORE-205, CORE-300
  void aDriverIsUnboundAndTheTypeChanged() {
    String type = rig.group(NIC) + "/type";
    refused(Errno.EPERM, () -> root.writeString(type, "identity\n"));
    assertThat(root.writeString(DRIVERS + "/igb/unbind", NIC + "\n")).isEqualTo(13);
    assertThat(root.list(rig.device(NIC))).doesNotContain("driver");
    assertThat(root.list(DRIVERS + "/igb")).containsExactly("bind", "unbind");
    assertThat(root.writeString(type, "identity\n")).isEqualTo(9);
    assertThat(root.writeString(DRIVERS + "/igb/bind", NIC)).isEqualTo(12);
    refused(Errno.EPERM, () -> root.writeString(type, "DMA"));
  }

  @Test
  void bindAndUnbindRefuseAsLinuxDoes() {
    refused(Errno.EBUSY, () -> root.writeString(DRIVERS + "/igb/bind", NIC));
    refused(Errno.ENODEV, () -> root.writeString(DRIVERS + "/vfio-pci/unbind", NIC));
    refused(Errno.ENODEV, () -> root.writeString(DRIVERS + "/vfio-pci/bind", NIC));
    refused(Errno.ENODEV, () -> root.writeString(DRIVERS + "/igb/unbind", "0000:09:00.0"));
    refused(Errno.ENOENT, () -> root.writeString(DRIVERS + "/nosuch/bind", NIC));
    refused(Errno.EACCES, () -> root.writeString(DRIVERS + "/igb/nosuch", NIC));
  }

  @Test
  void anOverridePassesADeviceOn() {
    root.writeString(DRIVERS + "/igb/unbind", NIC);
    assertThat(write("driver_override", "vfio-pci\n")).isEqualTo(9);
    assertThat(read("driver_override")).isEqualTo("vfio-pci\n");
    assertThat(root.writeString(BUS + "/drivers_probe", NIC)).isEqualTo(12);
    assertThat(root.realpath(rig.device(NIC) + "/driver")).isEqualTo(DRIVERS + "/vfio-pci");
    assertThat(root.writeString(rig.group(NIC) + "/type", "identity")).isEqualTo(8);
    write("driver_override", "\n");
    assertThat(read("driver_override")).isEqualTo("(null)\n");
    refused(Errno.ENODEV, () -> root.writeString(BUS + "/drivers_probe", "nosuch"));
  }

  @Test // CORE-027: the number is free again, and handles of the first group stay stale
  void whatIsRemovedComesBackByAScan() {
    String group = rig.group(NIC);
    SysfsFile type = root.open(group + "/type", OpenFlag.READ, OpenFlag.WRITE);
    SysfsFile vendor = root.open(rig.device(NIC) + "/vendor");
    assertThat(write("remove", "1\n")).isEqualTo(2);
    assertThat(root.list(BUS + "/devices")).containsExactly(SysfsRig.PORT, SysfsRig.DISK);
    refused(Errno.ENOENT, () -> root.list(group));
    refused(Errno.ENODEV, () -> type.write("DMA"));
    refused(Errno.ENODEV, () -> vendor.pread(1, 0));
    assertThat(root.writeString(BUS + "/rescan", "1")).isEqualTo(1);
    assertThat(rig.group(NIC)).isEqualTo(group);
    assertThat(root.realpath(rig.device(NIC) + "/driver")).isEqualTo(DRIVERS + "/igb");
    refused(Errno.ENODEV, () -> type.write("DMA"));
    refused(Errno.ENODEV, () -> vendor.pread(1, 0));
  }

  @Test
  void oneBusIsScannedAlone() {
    String rescan = "/sys/class/pci_bus/0000:01/rescan";
    assertThat(root.readlink("/sys/class/pci_bus/0000:01"))
        .isEqualTo("../../devices/pci0000:00/0000:00:01.0/pci_bus/0000:01");
    write("remove", "1");
    root.writeString(rig.device(SysfsRig.DISK) + "/remove", "1");
    assertThat(root.writeString(rescan, "1")).isEqualTo(1);
    assertThat(root.list(BUS + "/devices")).containsExactly(SysfsRig.PORT, NIC);
    root.writeString(rig.device(SysfsRig.PORT) + "/rescan", "1");
    assertThat(root.list(BUS + "/devices")).contains(SysfsRig.DISK);
    root.writeString(rig.device(SysfsRig.PORT) + "/remove", "1");
    assertThat(root.list("/sys/class/pci_bus")).containsExactly("0000:00");
    assertThat(root.list(BUS + "/devices")).containsExactly(SysfsRig.DISK);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "0", "0\n", "0x0", "00"})
  void zeroRemovesNothing(String text) {
    assertThat(write("remove", text)).isEqualTo(text.length());
    assertThat(root.list(BUS + "/devices")).contains(NIC);
  }

  @ParameterizedTest
  @ValueSource(strings = {"\n", "x", "-1", "1 ", " 1", "1\n\n", "08", "0x", "99999999999999999999"})
  void whatIsNoNumberIsRefused(String text) {
    refused(Errno.EINVAL, () -> write("remove", text));
    refused(Errno.EINVAL, () -> root.writeString(BUS + "/rescan", text));
    assertThat(root.list(BUS + "/devices")).contains(NIC);
  }

  @Test
  void virtualFunctionsHaveDirectoriesAndGroups() {
    assertThat(read("sriov_totalvfs")).isEqualTo("7\n");
    assertThat(write("sriov_numvfs", "2")).isEqualTo(1);
    assertThat(read("sriov_numvfs")).isEqualTo("2\n");
    assertThat(root.readlink(rig.device(NIC) + "/virtfn1")).isEqualTo("../0000:01:10.2");
    assertThat(root.readlink(rig.device("0000:01:10.0") + "/physfn")).isEqualTo("../0000:01:00.0");
    assertThat(rig.group("0000:01:10.0")).isNotEqualTo(rig.group(NIC));
    refused(Errno.EBUSY, () -> write("sriov_numvfs", "3"));
    refused(Errno.ERANGE, () -> write("sriov_numvfs", "8"));
    refused(Errno.EINVAL, () -> write("sriov_numvfs", "65536"));
    write("sriov_numvfs", "0");
    assertThat(root.list(BUS + "/devices")).doesNotContain("0000:01:10.0");
    write("sriov_drivers_autoprobe", "off");
    assertThat(read("sriov_drivers_autoprobe")).isEqualTo("0\n");
    refused(Errno.EINVAL, () -> write("sriov_drivers_autoprobe", "perhaps"));
  }

  @Test
  void theSwitchOfAutomaticBindingIsReadAndWritten() {
    assertThat(root.readString(BUS + "/drivers_autoprobe")).isEqualTo("1\n");
    assertThat(root.writeString(BUS + "/drivers_autoprobe", "0\n")).isEqualTo(2);
    assertThat(root.readString(BUS + "/drivers_autoprobe")).isEqualTo("0\n");
  }
}
