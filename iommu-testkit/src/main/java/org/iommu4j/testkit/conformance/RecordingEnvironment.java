package org.iommu4j.testkit.conformance;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuException;
import org.iommu4j.spi.Environment;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOps;

/**
 * An environment that keeps the links it is asked to publish and refuses where it is told to: a
 * name that exists already with EEXIST, everything else by the {@code env.} faults of a recording.
 *
 * <p>Confined to one thread.
 */
public final class RecordingEnvironment implements Environment {
  private final Recording recording;
  private final Map<Device, Integer> memberLinks = new HashMap<>();
  private final Map<Device, IommuDevice> instanceLinks = new HashMap<>();
  private final Map<Integer, Set<String>> groupLinks = new HashMap<>();
  private Errno missingInstance = Errno.EPROBE_DEFER;

  /**
   * Creates an environment without links.
   *
   * @param recording whose {@code env.} faults apply
   */
  public RecordingEnvironment(Recording recording) {
    this.recording = recording;
  }

  /**
   * Sets the verdict for devices whose IOMMU is not registered.
   *
   * @param verdict EPROBE_DEFER at first
   */
  public void setMissingInstance(Errno verdict) {
    missingInstance = verdict;
  }

  @Override
  public Errno missingInstance(FirmwareNode node) {
    return missingInstance;
  }

  @Override
  public void allocateGroupId() {
    recording.faults().check("env.group_alloc", "*");
  }

  @Override
  public void publishGroup(int groupId) {
    recording.faults().check("env.group_dir", "*");
    groupLinks.put(groupId, new HashSet<>());
  }

  @Override
  public void publishGroupDevices(int groupId) {
    if (recording.faults().next("env.group_devices_dir", "*") != null) {
      throw new IommuException(Errno.ENOMEM, "injected fault");
    }
  }

  @Override
  public void publishGroupFile(int groupId, String attribute) {
    recording.faults().check("env.group_file", attribute);
  }

  @Override
  public void unpublishGroup(int groupId) {
    groupLinks.remove(groupId);
  }

  @Override
  public void linkMember(Device device, int groupId) {
    recording.faults().check("env.member_link", recording.name(device));
    if (memberLinks.putIfAbsent(device, groupId) != null) {
      throw exists("iommu_group", device);
    }
  }

  @Override
  public void unlinkMember(Device device, int groupId) {
    memberLinks.remove(device);
  }

  @Override
  public void linkInGroup(Device device, int groupId, String linkName) {
    recording.faults().check("env.devices_link", recording.name(device));
    if (!groupLinks.computeIfAbsent(groupId, absent -> new HashSet<>()).add(linkName)) {
      throw exists("devices/" + linkName, device);
    }
  }

  @Override
  public void unlinkInGroup(Device device, int groupId, String linkName) {
    Set<String> names = groupLinks.get(groupId);
    if (names != null) {
      names.remove(linkName);
    }
  }

  @Override
  public void linkInstance(Device device, IommuDevice instance) {
    recording.faults().check("env.instance_link", recording.name(device));
    if (instanceLinks.putIfAbsent(device, instance) != null) {
      throw exists("iommu", device);
    }
  }

  @Override
  public void unlinkInstance(Device device, IommuDevice instance) {
    instanceLinks.remove(device);
  }

  @Override
  public boolean pinDriver(IommuOps ops) {
    return recording.faults().next("env.module", "*") == null;
  }

  private IommuException exists(String link, Device device) {
    return new IommuException(
        Errno.EEXIST, "link " + link + " of " + recording.name(device) + " exists");
  }
}
