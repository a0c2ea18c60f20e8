package org.iommu4j.cli.demo;

import java.util.List;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.DmaOwnership;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.Prot;
import org.iommu4j.testkit.DmaEngine;
import org.iommu4j.testkit.DmaFault;
import org.iommu4j.testkit.FakeDriver;
import org.iommu4j.testkit.FakeMachine;
import org.iommu4j.testkit.FaultReason;

/** A virtual machine monitor owns a group, and everybody else is refused. */
final class GuestScene implements Scene {
  private static final FakeDriver VFIO = FakeDriver.managingDma("vfio-pci");
  private static final long GUEST_ADDRESS = 0x10_0000;
  private static final long GUEST_MEMORY = 0x20_0000;

  @Override
  public void play(Stage stage) {
    IommuGroup group = stage.casting().forVirtualMachine();
    List<Device> members = stage.casting().members(group);
    stage
        .screen()
        .scene(
            "A virtual machine takes group " + group.id() + ": " + Stage.names(members),
            "Its monitor claims the DMA of the whole group: the devices are blocked until it attaches",
            "a domain of its own, and nobody else gets in.");
    List<Stage.Bound> unbound = stage.unbindUsers(group);
    boolean vfio = members.size() > 1 && bindVfio(stage, members.get(0));
    DmaOwner vmm = new DmaOwner("my-vmm");
    stage.screen().command("my-vmm claims group " + group.id());
    try (DmaOwnership ownership = group.own(vmm)) {
      blocked(stage, members);
      run(stage, group, members, unbound);
      stage.screen().command("my-vmm detaches its domain and releases group " + group.id());
    }
    stage
        .screen()
        .done("group " + group.id() + " is back on its default domain, " + group.typeText());
    if (vfio) {
      stage.machine().unbind(members.get(0));
    }
    stage.bindAgain(unbound);
  }

  private static boolean bindVfio(Stage stage, Device device) {
    if (stage.machine().driver(device).isPresent()) {
      return false;
    }
    stage.succeeds(
        "bind vfio-pci (" + Stage.name(device) + ")",
        () -> {
          stage.machine().bind(device, VFIO);
          return "it manages DMA by itself: the group still has no users";
        });
    return true;
  }

  private static void blocked(Stage stage, List<Device> members) {
    for (Device device : members) {
      try {
        var unused = stage.machine().engine(device).read(GUEST_ADDRESS);
        stage.wrong(device + " still does DMA after the claim");
      } catch (DmaFault fault) {
        stage.expect(
            fault.reason() == FaultReason.BLOCKED, device + " is not blocked: " + fault.reason());
      }
    }
    stage.screen().done("all DMA of " + Stage.count(members.size(), "device") + " is blocked");
  }

  private static void run(
      Stage stage, IommuGroup group, List<Device> members, List<Stage.Bound> unbound) {
    FakeMachine machine = stage.machine();
    Device first = members.get(0);
    long host = machine.allocateMemory(2 * GUEST_MEMORY);
    try (PagingDomain domain = machine.core().allocPagingDomain(first)) {
      stage.succeeds(
          String.format("my-vmm attaches a domain, maps 2 MiB at 0x%x", GUEST_ADDRESS),
          () -> attach(stage, group, members, domain, host));
      stage.screen().line(Style.DIM, "and everybody else:");
      Stage.Bound outsider =
          unbound.isEmpty()
              ? new Stage.Bound(members.get(members.size() - 1), FakeDriver.usingDmaApi("demo"))
              : unbound.get(unbound.size() - 1);
      refusals(stage, group, outsider);
      stage.refuses("my-vmm frees its domain while attached", Errno.EBUSY, domain::close);
      group.detach(domain);
    }
  }

  private static String attach(
      Stage stage, IommuGroup group, List<Device> members, PagingDomain domain, long host) {
    group.attach(domain);
    domain.map(GUEST_ADDRESS, host, GUEST_MEMORY, Prot.RW);
    for (int i = 0; i < members.size(); i++) {
      DmaEngine engine = stage.machine().engine(members.get(i));
      engine.write(GUEST_ADDRESS + 8L * i, i + 1);
      stage.expect(
          stage.machine().hardware().memory().read(host + 8L * i) == i + 1,
          members.get(i) + " does not reach the guest's memory");
    }
    return String.format(
        "what the guest's devices write at 0x%x lands at 0x%x", GUEST_ADDRESS, host);
  }

  private static void refusals(Stage stage, IommuGroup group, Stage.Bound driver) {
    stage.refuses(
        "bind " + driver,
        Errno.EBUSY,
        () -> stage.machine().bind(driver.device(), driver.driver()));
    stage.refuses(
        "other-vmm claims group " + group.id(),
        Errno.EPERM,
        () -> group.claimDmaOwner(new DmaOwner("other-vmm")));
    stage.refuses(
        "echo identity > " + Stage.typeFile(group),
        Errno.EPERM,
        () -> group.writeType("identity", Caller.ROOT));
  }
}
