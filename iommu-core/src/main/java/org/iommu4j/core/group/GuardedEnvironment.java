package org.iommu4j.core.group;

import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuException;
import org.iommu4j.core.domain.DriverGuard;
import org.iommu4j.spi.Environment;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOps;

/**
 * An environment behind the fence: what it may refuse it refuses with an errno, and an unexpected
 * exception counts as EIO; where it cannot refuse, an exception is recorded and contained.
 */
public final class GuardedEnvironment implements Environment {
  private final Environment inner;
  private final DriverGuard guard;

  /** Puts an environment behind the fence. */
  public GuardedEnvironment(Environment inner, DriverGuard guard) {
    this.inner = inner;
    this.guard = guard;
  }

  private void mayRefuse(String callback, Object subject, Runnable call) {
    IommuException refused = guard.attempt(callback, subject, call);
    if (refused != null) {
      throw refused;
    }
  }

  @Override
  public void allocate(String what) {
    mayRefuse("environment.allocate", what, () -> inner.allocate(what));
  }

  @Override
  public void allocateGroupId() {
    mayRefuse("environment.allocateGroupId", "group", inner::allocateGroupId);
  }

  @Override
  public void publishGroup(int groupId) {
    mayRefuse("environment.publishGroup", groupId, () -> inner.publishGroup(groupId));
  }

  @Override
  public void publishGroupDevices(int groupId) {
    mayRefuse("environment.publishGroupDevices", groupId, () -> inner.publishGroupDevices(groupId));
  }

  @Override
  public void publishGroupFile(int groupId, String attribute) {
    mayRefuse(
        "environment.publishGroupFile", groupId, () -> inner.publishGroupFile(groupId, attribute));
  }

  @Override
  public void unpublishGroupFile(int groupId, String attribute) {
    guard.contain(
        "environment.unpublishGroupFile",
        groupId,
        () -> inner.unpublishGroupFile(groupId, attribute));
  }

  @Override
  public void unpublishGroup(int groupId) {
    guard.contain("environment.unpublishGroup", groupId, () -> inner.unpublishGroup(groupId));
  }

  @Override
  public void linkMember(Device device, int groupId) {
    mayRefuse("environment.linkMember", device, () -> inner.linkMember(device, groupId));
  }

  @Override
  public void unlinkMember(Device device, int groupId) {
    guard.contain("environment.unlinkMember", device, () -> inner.unlinkMember(device, groupId));
  }

  @Override
  public void linkInGroup(Device device, int groupId, String linkName) {
    mayRefuse(
        "environment.linkInGroup", device, () -> inner.linkInGroup(device, groupId, linkName));
  }

  @Override
  public void unlinkInGroup(Device device, int groupId, String linkName) {
    guard.contain(
        "environment.unlinkInGroup", device, () -> inner.unlinkInGroup(device, groupId, linkName));
  }

  @Override
  public void linkInstance(Device device, IommuDevice instance) {
    mayRefuse("environment.linkInstance", device, () -> inner.linkInstance(device, instance));
  }

  @Override
  public void unlinkInstance(Device device, IommuDevice instance) {
    guard.contain(
        "environment.unlinkInstance", device, () -> inner.unlinkInstance(device, instance));
  }

  @Override
  public boolean pinDriver(IommuOps ops) {
    try {
      return guard.call("environment.pinDriver", ops, () -> inner.pinDriver(ops));
    } catch (IommuException refused) {
      return false;
    }
  }

  @Override
  public void unpinDriver(IommuOps ops) {
    guard.contain("environment.unpinDriver", ops, () -> inner.unpinDriver(ops));
  }

  @Override
  public Errno missingInstance(FirmwareNode node) {
    return guard.required("environment.missingInstance", node, () -> inner.missingInstance(node));
  }

  @Override
  public void dmaConfigure(Device device, Runnable firmwareLookup) {
    mayRefuse("environment.dmaConfigure", device, () -> inner.dmaConfigure(device, firmwareLookup));
  }
}
