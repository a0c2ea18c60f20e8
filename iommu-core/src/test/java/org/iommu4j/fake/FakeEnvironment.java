package org.iommu4j.fake;

import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.spi.Environment;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOps;

/** Surroundings that write down what is published and refuse what a test tells them to. */
public final class FakeEnvironment implements Environment {
  /** The driver core's verdict about a missing IOMMU. */
  public Errno verdict = Errno.EPROBE_DEFER;

  /** Whether drivers can be pinned. */
  public boolean pinnable = true;

  private final Witness witness;
  private int pins;

  FakeEnvironment(Witness witness) {
    this.witness = witness;
  }

  /** Pins that have not been given back. */
  public int pins() {
    return pins;
  }

  private void note(String callback, Object subject, String line) {
    witness.run("env." + callback, subject, "env " + line, () -> {});
  }

  @Override
  public void allocate(String what) {
    note("allocate", what, "allocate " + what);
  }

  @Override
  public void allocateGroupId() {
    note("allocate_group_id", "id", "allocate_group_id");
  }

  @Override
  public void publishGroup(int groupId) {
    note("publish_group", groupId, "publish_group " + groupId);
  }

  @Override
  public void publishGroupDevices(int groupId) {
    note("publish_group_devices", groupId, "publish_group_devices " + groupId);
  }

  @Override
  public void publishGroupFile(int groupId, String attribute) {
    note("publish_group_file", attribute, "publish_group_file " + groupId + " " + attribute);
  }

  @Override
  public void unpublishGroupFile(int groupId, String attribute) {
    note("unpublish_group_file", attribute, "unpublish_group_file " + groupId + " " + attribute);
  }

  @Override
  public void unpublishGroup(int groupId) {
    note("unpublish_group", groupId, "unpublish_group " + groupId);
  }

  @Override
  public void linkMember(Device device, int groupId) {
    note("link_member", device, "link_member " + device + " " + groupId);
  }

  @Override
  public void unlinkMember(Device device, int groupId) {
    note("unlink_member", device, "unlink_member " + device + " " + groupId);
  }

  @Override
  public void linkInGroup(Device device, int groupId, String linkName) {
    note("link_in_group", linkName, "link_in_group " + groupId + " " + linkName);
  }

  @Override
  public void unlinkInGroup(Device device, int groupId, String linkName) {
    note("unlink_in_group", linkName, "unlink_in_group " + groupId + " " + linkName);
  }

  @Override
  public void linkInstance(Device device, IommuDevice instance) {
    note("link_instance", device, "link_instance " + device + " " + instance.name());
  }

  @Override
  public void unlinkInstance(Device device, IommuDevice instance) {
    note("unlink_instance", device, "unlink_instance " + device + " " + instance.name());
  }

  @Override
  public boolean pinDriver(IommuOps ops) {
    note("pin_driver", ops, "pin_driver " + ops);
    if (pinnable) {
      pins++;
    }
    return pinnable;
  }

  @Override
  public void unpinDriver(IommuOps ops) {
    pins--;
    note("unpin_driver", ops, "unpin_driver " + ops);
  }

  @Override
  public Errno missingInstance(FirmwareNode node) {
    note("missing_instance", node, "missing_instance " + node);
    return verdict;
  }

  @Override
  public void dmaConfigure(Device device, Runnable firmwareLookup) {
    note("dma_configure", device, "dma_configure " + device);
    firmwareLookup.run();
  }
}
