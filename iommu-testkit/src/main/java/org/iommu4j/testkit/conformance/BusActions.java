package org.iommu4j.testkit.conformance;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.Fwspec;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.ProbeOutcome;
import org.iommu4j.core.IommuCore;

/** Instances, devices on their buses, kernel drivers, firmware, resets. */
final class BusActions {
  private BusActions() {}

  static void addTo(OpTable table) {
    table.add("register", words -> instance(words, IommuCore::register));
    table.add("unregister", BusActions::unregister);
    table.add("add", BusActions::add);
    table.add("remove", BusActions::remove);
    table.add("probe", words -> device(words, IommuCore::probeDevice));
    table.add("bind", BusActions::bind);
    table.add("unbind", words -> quiet(words, IommuCore::unbindDriver));
    table.add("use", words -> device(words, IommuCore::useDefaultDomain));
    table.add("unuse", words -> quiet(words, IommuCore::unuseDefaultDomain));
    table.add("prepare", words -> device(words, IommuCore::resetPrepare));
    table.add("done", words -> quiet(words, IommuCore::resetDone));
    table.add("capable", BusActions::capable);
    table.add("fwspec", BusActions::fwspec);
    table.add("fwspec_ids", BusActions::fwspecIds);
    table.add("deferral", BusActions::deferral);
    table.add("passthrough", words -> session -> Action.yesNo(session.core().defaultPassthrough()));
    table.add("set_strict", words -> Action.ok(session -> session.core().setDmaStrict()));
  }

  @FunctionalInterface
  private interface InstanceUse {
    void run(IommuCore core, RecordingIommu iommu);
  }

  @FunctionalInterface
  private interface DeviceUse {
    void run(IommuCore core, Device device);
  }

  private static Action instance(Words words, InstanceUse use) {
    RecordingIommu iommu = words.iommu();
    return Action.success(session -> use.run(session.core(), iommu));
  }

  private static Action device(Words words, DeviceUse use) {
    Device device = words.device();
    return Action.success(session -> use.run(session.core(), device));
  }

  private static Action quiet(Words words, DeviceUse use) {
    Device device = words.device();
    return Action.ok(session -> use.run(session.core(), device));
  }

  private static Action unregister(Words words) {
    RecordingIommu iommu = words.iommu();
    return Action.ok(session -> session.core().unregister(iommu));
  }

  private static Action add(Words words) {
    Device device = words.device();
    return session -> {
      ProbeOutcome outcome = session.core().addDevice(device);
      return Recording.result(outcome.failure());
    };
  }

  private static Action remove(Words words) {
    Device device = words.device();
    return Action.ok(
        session -> {
          session.firmwareIds().remove(device);
          session.core().removeDevice(device);
        });
  }

  private static Action bind(Words words) {
    Device device = words.device();
    boolean managed = words.optional("managed");
    return Action.success(session -> session.core().bindDriver(device, managed));
  }

  private static Action capable(Words words) {
    Device device = words.device();
    String label = words.word("CAP");
    Capability capability = InstanceSpec.capability(label);
    if (capability == null) {
      throw words.error("\"" + label + "\" is not a capability");
    }
    return session -> Action.yesNo(session.core().capable(device, capability));
  }

  private static Action fwspec(Words words) {
    Device device = words.device();
    RecordingIommu iommu = words.iommu();
    FirmwareNode node = iommu.firmwareNode();
    if (node == null) {
      throw words.error("instance " + iommu + " has no firmware node");
    }
    return Action.success(
        session -> {
          if (!hasFwspec(session, device)) {
            session.firmwareIds().remove(device);
          }
          session.core().initFwspec(device, node);
        });
  }

  private static boolean hasFwspec(Session session, Device device) {
    try {
      session.core().addFwspecIds(device, List.of());
      return true;
    } catch (IommuException none) {
      return false;
    }
  }

  private static Action fwspecIds(Words words) {
    Device device = words.device();
    List<Integer> ids = new ArrayList<>();
    for (String id : words.word("HEX,...").split(",", -1)) {
      ids.add((int) words.hex("id", id));
    }
    return Action.success(
        session -> {
          session.core().addFwspecIds(device, ids);
          session.firmwareIds().computeIfAbsent(device, absent -> new ArrayList<>()).addAll(ids);
          String all =
              idsOf(session, device).stream()
                  .map(Integer::toHexString)
                  .collect(Collectors.joining(" "));
          session.recording().effect("ids " + all);
        });
  }

  /** The ids as the core shows them, or as the script gave them to a device without driver. */
  private static List<Integer> idsOf(Session session, Device device) {
    Fwspec shown = session.core().deviceOf(device).map(DevIommu::fwspec).orElse(null);
    return shown == null ? session.firmwareIds().getOrDefault(device, List.of()) : shown.ids();
  }

  private static Action deferral(Words words) {
    Errno verdict = words.errno();
    return Action.ok(session -> session.environment().setMissingInstance(verdict));
  }
}
