package org.iommu4j.testkit.transcript;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Plays the records of one configuration, in order. */
final class Player {
  /** These tell what the recorder is about, and change or read nothing of an IOMMU. */
  private static final Set<String> NARRATIVE =
      Set.of("boot", "begin", "remark", "wait", "done", "modules", "autoprobe");

  private final RecordedSystem system;
  private final GroupStates states;
  private final BusOperations bus;
  private final Map<String, Operation> operations = new HashMap<>();

  Player(Transcript transcript, RecordedSystem system) {
    this.system = system;
    this.states = new GroupStates(system);
    TypeOperations types = new TypeOperations(system);
    this.bus = new BusOperations(system, types);
    types.addTo(operations);
    bus.addTo(operations);
    new VfioOperations(system, ForgottenGroups.in(transcript)).addTo(operations);
    operations.put("ls_group", states::compareDirectory);
    operations.put("class_iommu", states::compareClass);
    operations.put("groups", states::compareNumbers);
    operations.put("state", (record, findings) -> {});
    operations.put("io_stats", (record, findings) -> {});
    operations.put("device", this::compareDevice);
  }

  /** Whether a record neither changes nor reads the state of an IOMMU. */
  static boolean isNarrative(TranscriptRecord record) {
    return NARRATIVE.contains(record.op());
  }

  /**
   * Plays a record.
   *
   * @return what was compared, or null if nothing was
   */
  @Nullable Findings play(TranscriptRecord record) {
    if (isNarrative(record)) {
      prepare(record);
      return null;
    }
    Operation operation = operations.get(record.op());
    if (operation == null) {
      return null;
    }
    Findings findings = new Findings();
    boolean inBetween = bus.removalPending();
    try {
      operation.run(record, findings);
      if (!inBetween || record.op().equals("remove_end")) {
        states.compare(record, findings);
      }
    } catch (RuntimeException problem) {
      // One record must not end the replay of the others.
      findings.failed(problem);
    }
    return findings;
  }

  /** What the recorder prepared between the scenarios. */
  private void prepare(TranscriptRecord record) {
    switch (record.op()) {
      case "modules" -> loadModules(record);
      case "autoprobe" -> bus.autoprobe(record);
      default -> {}
    }
  }

  /** The first list is loaded before user space asks for drivers of devices. */
  private void loadModules(TranscriptRecord record) {
    String text = record.args().text("text", "");
    system.startPersonaIfLoadedBy(record);
    if (text.contains("vfio")) {
      system.loadVfio();
    } else if (!text.contains("early")) {
      system.loadModules();
    }
  }

  private void compareDevice(TranscriptRecord record, Findings findings) {
    RecordedFunction recorded = new RecordedFunction(record.fields());
    String address = recorded.address();
    if (record.fields().has("iommu_group")) {
      findings.check(
          "group",
          text(record.fields().number("iommu_group")),
          text(system.groupOf(address).map(Integer::longValue)));
    }
    if (record.fields().has("iommu")) {
      findings.check(
          "iommu", recorded.iommu().orElse("none"), system.iommuOf(address).orElse("none"));
    }
    if (record.fields().has("driver")) {
      findings.check(
          "driver", recorded.driver().orElse("none"), system.driverOf(address).orElse("none"));
    }
  }

  private static String text(Optional<Long> number) {
    return number.map(String::valueOf).orElse("none");
  }
}
