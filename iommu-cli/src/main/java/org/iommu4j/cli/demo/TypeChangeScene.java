package org.iommu4j.cli.demo;

import java.util.List;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuGroup;

/** A change of the default domain of a group with several devices: refused in use, else done. */
final class TypeChangeScene implements Scene {
  @Override
  public void play(Stage stage) {
    IommuGroup group = stage.casting().crowd();
    List<Device> members = stage.casting().members(group);
    String all = Stage.count(members.size(), "device");
    stage
        .screen()
        .scene(
            "Changing the type of group " + group.id() + ", which has " + all,
            "All members change or none does, and nobody changes the ground under a bound driver.",
            members.size() > 1 ? "" : "(This machine has no group with several devices.)");
    stage.refuses(
        "echo identity > " + Stage.typeFile(group),
        Errno.EPERM,
        () -> group.writeType("identity", Caller.ROOT));
    List<Stage.Bound> unbound = stage.unbindUsers(group);
    stage.writeType(group, "identity", () -> identity(stage, group, members));
    stage.writeType(group, "DMA", () -> "type is " + group.typeText() + ", " + all + " moved");
    stage.bindAgain(unbound);
  }

  /** In an identity domain, every device reaches physical memory under its own address. */
  private static String identity(Stage stage, IommuGroup group, List<Device> members) {
    long paddr = stage.machine().allocateMemory(4096);
    for (int i = 0; i < members.size(); i++) {
      stage.machine().engine(members.get(i)).write(paddr, i);
      stage.expect(
          stage.machine().hardware().memory().read(paddr) == i,
          members.get(i) + " does not pass through");
    }
    return "type is "
        + group.typeText()
        + ", "
        + Stage.count(members.size(), "device")
        + " moved; each now reaches physical memory untranslated";
  }
}
