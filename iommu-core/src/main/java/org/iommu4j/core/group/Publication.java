package org.iommu4j.core.group;

import org.iommu4j.api.CoreMessage;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.spi.Environment;

/** Makes a member visible and takes it away again (CORE-036 to 038, 604). */
final class Publication {
  private Publication() {}

  /**
   * Links a device and its group with each other.
   *
   * @return a member that is in no list yet
   * @throws IommuException the environment's refusal, with everything withdrawn
   */
  static Member publish(GroupServices services, GroupImpl group, DeviceState state) {
    Environment environment = services.environment();
    Device device = state.device();
    try {
      environment.allocate("group_device");
      environment.linkMember(device, group.id());
      String linkName;
      try {
        linkName = linkInGroup(environment, group, device);
      } catch (IommuException refused) {
        environment.unlinkMember(device, group.id());
        throw refused;
      }
      services.trace().deviceAdded(group, device);
      return new Member(state, linkName);
    } catch (IommuException refused) {
      services
          .trace()
          .message(
              CoreMessage.ADD_FAILED,
              device,
              "device "
                  + device
                  + " cannot be added to group "
                  + group.id()
                  + ": "
                  + refused.getMessage());
      throw refused;
    }
  }

  /** Tries the device's name, then the name with .0, .1 and so on (CORE-037). */
  private static String linkInGroup(Environment environment, GroupImpl group, Device device) {
    String candidate = device.name();
    for (int suffix = 0; ; suffix++) {
      if (group.reserveLinkName(candidate)) {
        try {
          environment.linkInGroup(device, group.id(), candidate);
          return candidate;
        } catch (IommuException refused) {
          group.releaseLinkName(candidate);
          if (refused.errno() != Errno.EEXIST) {
            throw refused;
          }
        }
      }
      candidate = device.name() + "." + suffix;
    }
  }

  /** Unlinks a member that has been taken off the list. */
  static void withdraw(GroupServices services, GroupImpl group, Member member) {
    Device device = member.device();
    services.environment().unlinkInGroup(device, group.id(), member.linkName());
    services.environment().unlinkMember(device, group.id());
    group.releaseLinkName(member.linkName());
    services.trace().deviceRemoved(group, device);
  }
}
