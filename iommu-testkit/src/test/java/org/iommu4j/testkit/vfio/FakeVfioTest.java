package org.iommu4j.testkit.vfio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.List;
import java.util.Objects;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.Prot;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.testkit.FakeMachine;
import org.iommu4j.testkit.linux.Board;
import org.iommu4j.testkit.linux.LinuxPci;
import org.iommu4j.testkit.linux.PciFunction;
import org.iommu4j.testkit.linux.Removal;
import org.iommu4j.testkit.persona.Persona;
import org.iommu4j.testkit.persona.RiscvPersona;
import org.iommu4j.testkit.persona.SmmuPersona;
import org.iommu4j.testkit.persona.VirtioPersona;
import org.iommu4j.testkit.persona.VtdPersona;
import org.iommu4j.testkit.vfio.VfioInfo.IovaWindow;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The rules VFIO-01 to 26 of the personas, one by one. */
class FakeVfioTest {
  private static final long MEMORY = 0x4000_0000L;

  private FakeMachine machine = Board.machine(null, true);
  private LinuxPci linux;
  private FakeVfio vfio;

  FakeVfioTest() {
    VtdPersona.builder().build().start(machine.core());
    vfio = FakeVfio.over(machine.core()).build();
    linux = system();
  }

  private LinuxPci system() {
    LinuxPci made = LinuxPci.over(machine).build();
    made.driversAutoprobe(false);
    made.load(Board.e1000());
    made.load(Board.e1000e());
    made.load(Board.pciStub());
    made.load(vfio.driver());
    return made;
  }

  /** The same board with another IOMMU. */
  private void use(Persona persona, FakeMachine other, boolean unsafe) {
    machine.closeForced();
    machine = other;
    persona.start(machine.core());
    vfio = FakeVfio.over(machine.core()).allowUnsafeInterrupts(unsafe).build();
    linux = system();
  }

  @AfterEach
  void close() {
    machine.closeForced();
  }

  private static void assertRefused(Errno errno, Runnable action) {
    assertThatExceptionOfType(IommuException.class)
        .isThrownBy(action::run)
        .satisfies(refusal -> assertThat(refusal.errno()).isEqualTo(errno));
  }

  private void bind(String driver, String address) {
    linux.driverOverride(address, driver);
    linux.bind(driver, address);
    linux.driverOverride(address, null);
  }

  private IommuGroup group(String address) {
    return machine.group(linux.find(address).orElseThrow().device());
  }

  private VfioGroup open(String address) {
    return vfio.openGroup(group(address).id());
  }

  private void write(String address, String type) {
    group(address).writeType(type, Caller.ROOT);
  }

  private String type(String address) {
    return group(address).typeText();
  }

  // VFIO-01
  @Test
  void registrationNeedsAGroupAndCoherentDma() {
    assertRefused(Errno.ENOENT, () -> open(Board.NIC));
    bind("vfio-pci", Board.NIC);
    assertThat(vfio.groups()).containsExactly(group(Board.NIC).id());
    linux.unbind("vfio-pci", Board.NIC);
    assertThat(vfio.groups()).isEmpty();
    FirmwareNode node = new FirmwareNode("riscv");
    use(RiscvPersona.builder(node).build(), Board.machine(node, true), false);
    assertRefused(Errno.EINVAL, () -> bind("vfio-pci", Board.NIC));
    assertThat(linux.find(Board.NIC).orElseThrow().driver()).isEmpty();
    SmmuPersona.Builder nobody = SmmuPersona.builder(node).scope(device -> false);
    use(nobody.build(), Board.machine(node, true), false);
    assertRefused(Errno.EINVAL, () -> bind("vfio-pci", Board.NIC));
  }

  // VFIO-02
  @Test
  void anOpenGroupClaimsNothing() {
    bind("vfio-pci", Board.NIC);
    try (VfioGroup group = open(Board.NIC)) {
      write(Board.NIC, "identity");
      write(Board.NIC, "DMA");
      write(Board.NIC, "DMA-FQ");
      write(Board.NIC, "auto");
      assertRefused(Errno.EINVAL, () -> write(Board.NIC, "bogus"));
      assertThat(group.id()).isEqualTo(group(Board.NIC).id());
    }
  }

  // VFIO-03
  @Test
  void aGroupIsOpenOnce() {
    bind("vfio-pci", Board.NIC);
    VfioGroup group = open(Board.NIC);
    assertRefused(Errno.EBUSY, () -> open(Board.NIC));
    VfioProcess other = vfio.process();
    int id = group.id();
    assertRefused(Errno.EBUSY, () -> other.openGroup(id));
    group.close();
    assertRefused(Errno.EBADF, group::close);
    assertRefused(Errno.EBADF, group::status);
    open(Board.NIC).close();
  }

  // VFIO-04
  @Test
  void theStatusSaysWhetherAGroupCanBeUsed() {
    bind("vfio-pci", Board.CONV_A);
    bind("e1000", Board.CONV_B);
    VfioContainer container = vfio.openContainer();
    VfioGroup group = open(Board.CONV_A);
    assertThat(group.status().flags()).isZero();
    linux.unbind("e1000", Board.CONV_B);
    assertThat(group.status().flags()).isEqualTo(1);
    group.setContainer(container);
    assertThat(group.status().flags()).isEqualTo(3);
    container.setIommu();
    assertThat(group.status().flags()).isEqualTo(3);
    group.unsetContainer();
    assertThat(group.status()).isEqualTo(new VfioGroup.Status(true, false));
  }

  // VFIO-05
  @Test
  void joiningAContainerClaimsTheGroup() {
    bind("vfio-pci", Board.CONV_A);
    bind("e1000", Board.CONV_B);
    VfioContainer container = vfio.openContainer();
    VfioGroup group = open(Board.CONV_A);
    assertRefused(Errno.EPERM, () -> group.setContainer(container));
    assertThat(group.status().containerSet()).isFalse();
    linux.unbind("e1000", Board.CONV_B);
    group.setContainer(container);
    assertRefused(Errno.EINVAL, () -> group.setContainer(container));
    var snapshot = group(Board.CONV_A).snapshot();
    assertThat(snapshot.currentDomain()).isSameAs(snapshot.blockingDomain());
    group.unsetContainer();
    container.close();
    assertRefused(Errno.EBADF, () -> group.setContainer(container));
  }

  // VFIO-06, 07
  @Test
  void anOwnedGroupKeepsItsTypeExceptForTheLiveSwitch() {
    bind("vfio-pci", Board.NIC);
    write(Board.NIC, "DMA");
    VfioContainer container = vfio.openContainer();
    VfioGroup group = open(Board.NIC);
    group.setContainer(container);
    assertRefused(Errno.EPERM, () -> write(Board.NIC, "identity"));
    assertRefused(Errno.EPERM, () -> write(Board.NIC, "DMA"));
    assertRefused(Errno.EPERM, () -> write(Board.NIC, "auto"));
    assertRefused(Errno.EINVAL, () -> write(Board.NIC, "bogus"));
    write(Board.NIC, "DMA-FQ");
    assertRefused(Errno.EPERM, () -> write(Board.NIC, "DMA-FQ"));
    assertThat(type(Board.NIC)).isEqualTo("DMA-FQ");
    group.unsetContainer();
    assertThat(type(Board.NIC)).isEqualTo("DMA-FQ");
    write(Board.NIC, "identity");
  }

  // VFIO-08, 19
  @Test
  void siblingsOfAnOwnedGroupGetNoNativeDriver() {
    bind("vfio-pci", Board.CONV_A);
    VfioContainer container = vfio.openContainer();
    VfioGroup group = open(Board.CONV_A);
    group.setContainer(container);
    assertRefused(Errno.EBUSY, () -> bind("e1000", Board.CONV_B));
    bind("vfio-pci", Board.CONV_B);
    linux.unbind("vfio-pci", Board.CONV_B);
    bind("pci-stub", Board.CONV_B);
    linux.unbind("pci-stub", Board.CONV_B);
    bind("e1000e", Board.NIC);
    group.close();
    bind("e1000", Board.CONV_B);
    assertRefused(Errno.EPERM, () -> write(Board.CONV_A, "identity"));
  }

  // VFIO-09
  @Test
  void aContainerNeedsAGroupBeforeItsIommu() {
    VfioContainer container = vfio.openContainer();
    assertThat(container.apiVersion()).isZero();
    assertThat(container.checkExtension(3)).isTrue();
    assertThat(container.checkExtension(99)).isFalse();
    assertRefused(Errno.EINVAL, container::setIommu);
    bind("vfio-pci", Board.NIC);
    VfioGroup group = open(Board.NIC);
    group.setContainer(container);
    assertRefused(Errno.EINVAL, container::info);
    assertRefused(Errno.EINVAL, () -> container.mapDma(0x1000, MEMORY, 0x1000, Prot.RW));
    container.setIommu();
    assertRefused(Errno.EINVAL, container::setIommu);
  }

  // VFIO-10, 11
  @Test
  void whatCanBeMappedFollowsApertureAndReservedRegions() {
    bind("vfio-pci", Board.NIC);
    VfioContainer container = vfio.openContainer();
    VfioGroup group = open(Board.NIC);
    group.setContainer(container);
    container.setIommu();
    assertThat(container.info())
        .isEqualTo(
            new VfioInfo(
                0x4020_1000L,
                List.of(
                    new IovaWindow(0, 0xfedf_ffffL),
                    new IovaWindow(0xfef0_0000L, 0xffff_ffff_ffffL))));
    container.mapDma(0x1000_0000, MEMORY, 0x10_0000, Prot.RW);
    Domain current = Objects.requireNonNull(group(Board.NIC).snapshot().currentDomain());
    assertThat(current.iovaToPhys(0x1000_1000)).isEqualTo(MEMORY + 0x1000);
    assertRefused(Errno.EINVAL, () -> container.mapDma(0xfee0_0000L, MEMORY, 0x1000, Prot.RW));
    assertRefused(Errno.EEXIST, () -> container.mapDma(0x1000_0000, MEMORY, 0x1000, Prot.RW));
    assertRefused(Errno.EINVAL, () -> container.mapDma(0x2000_0800, MEMORY, 0x1000, Prot.RW));
    assertRefused(Errno.EINVAL, () -> container.mapDma(0x2000_0000, MEMORY, 0, Prot.RW));
    assertRefused(Errno.EINVAL, () -> container.mapDma(0x2000_0000, MEMORY, 0x1000, 0));
    assertRefused(Errno.EINVAL, () -> container.mapDma(1L << 48, MEMORY, 0x1000, Prot.RW));
    assertRefused(Errno.EINVAL, () -> container.unmapDma(0x1000_0000, 0x1000));
    assertThat(container.unmapDma(0x1000_0000, 0x10_0000)).isEqualTo(0x10_0000);
    assertThat(container.unmapDma(0x1000_0000, 0x10_0000)).isZero();
  }

  // VFIO-10: relaxable regions may be mapped over, others not.
  @Test
  void relaxableRegionsAreNotCutOut() {
    FirmwareNode node = new FirmwareNode("smmu");
    Persona smmu =
        SmmuPersona.builder(node)
            .firmwareRegions(
                device ->
                    List.of(
                        ResvRegion.of(0, 0x1000, Prot.RW, ResvType.DIRECT_RELAXABLE),
                        ResvRegion.of(0x10_0000, 0x1000, 0, ResvType.RESERVED)))
            .build();
    use(smmu, Board.machine(node, true), false);
    bind("vfio-pci", Board.NIC);
    VfioContainer container = vfio.openContainer();
    open(Board.NIC).setContainer(container);
    container.setIommu();
    assertThat(container.info().iovaRanges())
        .containsExactly(
            new IovaWindow(0, 0xf_ffffL),
            new IovaWindow(0x10_1000, 0x7ff_ffffL),
            new IovaWindow(0x810_0000, 0xffff_ffff_ffffL));
    container.mapDma(0, MEMORY, 0x1000, Prot.RW);
    // Persona rule 4.4: the window of x86 is ordinary here.
    container.mapDma(0xfee0_0000L, MEMORY, 0x1000, Prot.RW);
  }

  // VFIO-05 and persona rule 6.6: without a static blocking domain an empty one is made.
  @Test
  void ownershipWorksWithoutAStaticBlockingDomain() {
    FirmwareNode node = new FirmwareNode("viommu");
    Persona viommu =
        VirtioPersona.builder(node).scope(device -> !device.name().contains(":03:")).build();
    use(viommu, Board.machine(node, true), false);
    bind("vfio-pci", Board.NIC);
    write(Board.NIC, "identity");
    VfioContainer container = vfio.openContainer();
    VfioGroup group = open(Board.NIC);
    group.setContainer(container);
    container.setIommu();
    assertThat(container.info().iovaRanges())
        .containsExactly(
            new IovaWindow(0, 0xfedf_ffffL), new IovaWindow(0xfef0_0000L, 0x7f_ffff_ffffL));
    assertThat(Long.lowestOneBit(container.info().pageSizes())).isEqualTo(0x1000);
    container.mapDma(0x20_0000, MEMORY, 0x20_0000, Prot.RW);
    group.close();
    assertThat(type(Board.NIC)).isEqualTo("identity");
    write(Board.NIC, "DMA-FQ");
    assertThat(machine.core().violations()).isEmpty();
  }

  // VFIO-12, 13, 25
  @Test
  void withoutIsolatedInterruptsTheGroupStaysOwnedAndUseless() {
    use(VtdPersona.builder().build(), Board.machine(null, false), false);
    bind("vfio-pci", Board.NIC);
    VfioContainer container = vfio.openContainer();
    VfioGroup group = open(Board.NIC);
    group.setContainer(container);
    assertRefused(Errno.EPERM, container::setIommu);
    assertRefused(Errno.EPERM, container::setIommu);
    assertThat(group.status().flags()).isEqualTo(3);
    assertRefused(Errno.EPERM, () -> write(Board.NIC, "identity"));
    assertRefused(Errno.EINVAL, () -> group.device(Board.NIC));
    assertRefused(Errno.EINVAL, container::info);
    group.unsetContainer();
    write(Board.NIC, "identity");
  }

  // VFIO-12
  @Test
  void unsafeInterruptsCanBeAllowed() {
    use(VtdPersona.builder().build(), Board.machine(null, false), true);
    bind("vfio-pci", Board.NIC);
    VfioContainer container = vfio.openContainer();
    open(Board.NIC).setContainer(container);
    container.setIommu();
  }

  // VFIO-14
  @Test
  void aDeviceIsLookedUpBeforeTheContainer() {
    bind("vfio-pci", Board.CONV_A);
    VfioContainer container = vfio.openContainer();
    VfioGroup group = open(Board.CONV_A);
    assertRefused(Errno.ENODEV, () -> group.device("0000:1f:00.0"));
    assertRefused(Errno.ENODEV, () -> group.device(Board.CONV_B));
    assertRefused(Errno.EINVAL, () -> group.device(Board.CONV_A));
    group.setContainer(container);
    assertRefused(Errno.EINVAL, () -> group.device(Board.CONV_A));
    container.setIommu();
    bind("vfio-pci", Board.CONV_B);
    try (VfioDevice first = group.device(Board.CONV_A);
        VfioDevice second = group.device(Board.CONV_B)) {
      assertThat(first.name()).isEqualTo(Board.CONV_A);
      assertThat(second.isRequested()).isFalse();
    }
  }

  // VFIO-15, 17
  @Test
  void aGroupLeavesAContainerOnlyWithoutOpenDevices() {
    bind("vfio-pci", Board.NIC);
    VfioContainer container = vfio.openContainer();
    VfioGroup group = open(Board.NIC);
    assertRefused(Errno.EINVAL, group::unsetContainer);
    group.setContainer(container);
    container.setIommu();
    VfioDevice device = group.device(Board.NIC);
    assertRefused(Errno.EBUSY, group::unsetContainer);
    device.close();
    assertRefused(Errno.EPERM, () -> write(Board.NIC, "identity"));
    group.unsetContainer();
    write(Board.NIC, "identity");
    assertRefused(Errno.EINVAL, container::info);
    group.setContainer(container);
    container.setIommu();
  }

  // VFIO-16
  @Test
  void aSecondGroupJoinsTheMappingsThatAreThere() {
    bind("vfio-pci", Board.NIC);
    bind("vfio-pci", Board.CONV_A);
    bind("e1000", Board.CONV_B);
    VfioContainer container = vfio.openContainer();
    VfioGroup first = open(Board.NIC);
    first.setContainer(container);
    container.setIommu();
    container.mapDma(0x1000_0000, MEMORY, 0x1000, Prot.RW);
    VfioGroup second = open(Board.CONV_A);
    assertRefused(Errno.EPERM, () -> second.setContainer(container));
    linux.unbind("e1000", Board.CONV_B);
    second.setContainer(container);
    assertThat(group(Board.CONV_A).snapshot().currentDomain())
        .isSameAs(group(Board.NIC).snapshot().currentDomain());
    second.device(Board.CONV_A).close();
    second.unsetContainer();
    write(Board.CONV_A, "identity");
    assertRefused(Errno.EPERM, () -> write(Board.NIC, "identity"));
    assertThat(container.unmapDma(0x1000_0000, 0x1000)).isEqualTo(0x1000);
  }

  // VFIO-18
  @Test
  void closingTheGroupReleasesItWhateverTheContainerDoes() {
    bind("vfio-pci", Board.NIC);
    VfioContainer container = vfio.openContainer();
    VfioGroup group = open(Board.NIC);
    group.setContainer(container);
    container.setIommu();
    container.close();
    assertRefused(Errno.EPERM, () -> write(Board.NIC, "identity"));
    group.close();
    write(Board.NIC, "identity");
  }

  // VFIO-20
  @Test
  void anOpenDeviceKeepsGroupAndContainer() {
    bind("vfio-pci", Board.NIC);
    VfioContainer container = vfio.openContainer();
    VfioGroup group = open(Board.NIC);
    group.setContainer(container);
    container.setIommu();
    VfioDevice device = group.device(Board.NIC);
    group.close();
    container.close();
    assertRefused(Errno.EPERM, () -> write(Board.NIC, "identity"));
    assertRefused(Errno.EBUSY, () -> open(Board.NIC));
    device.close();
    write(Board.NIC, "identity");
    open(Board.NIC).close();
  }

  // VFIO-20
  @Test
  void killingTheOwnerClosesEverything() {
    bind("vfio-pci", Board.NIC);
    VfioProcess owner = vfio.process();
    VfioContainer container = owner.openContainer();
    VfioGroup group = owner.openGroup(group(Board.NIC).id());
    group.setContainer(container);
    container.setIommu();
    var unused = owner.openDevice(group, Board.NIC);
    assertRefused(Errno.EBUSY, () -> open(Board.NIC));
    owner.kill();
    assertThat(group.isClosed()).isTrue();
    write(Board.NIC, "identity");
    owner.kill();
  }

  // VFIO-21
  @Test
  void unbindingTheLastDeviceRevokesTheGroup() {
    bind("vfio-pci", Board.NIC);
    VfioContainer container = vfio.openContainer();
    VfioGroup stale = open(Board.NIC);
    stale.setContainer(container);
    container.setIommu();
    assertThat(linux.unbind("vfio-pci", Board.NIC).finished()).isTrue();
    assertRefused(Errno.ENODEV, stale::status);
    assertRefused(Errno.EINVAL, stale::unsetContainer);
    assertRefused(Errno.ENODEV, () -> stale.setContainer(container));
    write(Board.NIC, "identity");
    bind("e1000e", Board.NIC);
    linux.unbind("e1000e", Board.NIC);
    bind("vfio-pci", Board.NIC);
    open(Board.NIC).close();
    stale.close();
    container.close();
  }

  // VFIO-23
  @Test
  void aRemovalDoesNotWaitForGroupsAndContainers() {
    bind("vfio-pci", Board.NIC);
    int id = group(Board.NIC).id();
    VfioContainer container = vfio.openContainer();
    VfioGroup group = open(Board.NIC);
    group.setContainer(container);
    container.setIommu();
    assertThat(linux.remove(Board.NIC).finished()).isTrue();
    assertThat(machine.core().groups()).noneMatch(left -> left.id() == id);
    linux.rescan();
    assertThat(group(Board.NIC).id()).isEqualTo(id);
    group.close();
    container.close();
  }

  // VFIO-24
  @Test
  void aRemovalWaitsForAnOpenDevice() {
    bind("vfio-pci", Board.NIC);
    int id = group(Board.NIC).id();
    VfioContainer container = vfio.openContainer();
    VfioGroup group = open(Board.NIC);
    group.setContainer(container);
    container.setIommu();
    VfioDevice device = group.device(Board.NIC);
    Removal removal = linux.remove(Board.NIC);
    assertThat(removal.finished()).isFalse();
    assertThat(device.isRequested()).isTrue();
    assertThat(linux.find(Board.NIC).flatMap(PciFunction::driver)).isEmpty();
    assertThat(group(Board.NIC).id()).isEqualTo(id);
    assertRefused(Errno.ENODEV, () -> group.device(Board.NIC));
    device.close();
    assertThat(removal.finished()).isTrue();
    assertThat(linux.find(Board.NIC)).isEmpty();
    assertRefused(Errno.ENODEV, group::status);
  }
}
