package org.iommu4j.testkit.transcript;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.testkit.linux.Removal;
import org.jspecify.annotations.Nullable;

/** Binding, removal, rescan and virtual functions. */
final class BusOperations {
  private static final String ONE = "1";

  private final RecordedSystem system;
  private final TypeOperations types;
  private @Nullable Removal removal;

  BusOperations(RecordedSystem system, TypeOperations types) {
    this.system = system;
    this.types = types;
  }

  void addTo(Map<String, Operation> operations) {
    operations.put("bind", Operation.returning(this::bind));
    operations.put("unbind", Operation.returning(this::unbind));
    operations.put("remove", this::remove);
    operations.put("remove_end", this::removeEnd);
    operations.put("rescan", Operation.returning(this::rescan));
    operations.put("rescan_one", Operation.returning(this::rescanOne));
    operations.put("sriov_numvfs", Operation.returning(this::numvfs));
    operations.put("ids_after", this::idsAfter);
  }

  /** Whether a removal waits for somebody: groups are then seen at any point of their end. */
  boolean removalPending() {
    return removal != null;
  }

  private String address(TranscriptRecord record) {
    return system
        .subject(record)
        .orElseThrow(() -> new IommuException(Errno.ENODEV, "no device is named"));
  }

  /** The recorder names the driver in driver_override first, so that any driver may be bound. */
  private long bind(TranscriptRecord record) {
    String address = address(record);
    String driver = record.args().text("driver", "");
    system.requireDriver(driver);
    if (system.linux().driver(driver).isEmpty()) {
      throw new IommuException(Errno.ENOENT, "there is no driver " + driver);
    }
    system.linux().driverOverride(address, driver);
    try {
      system.linux().bind(driver, address);
    } finally {
      system.linux().driverOverride(address, null);
    }
    return address.length();
  }

  private long unbind(TranscriptRecord record) {
    String address = address(record);
    String driver = record.args().text("driver", "");
    if (system.linux().driver(driver).isEmpty()) {
      throw new IommuException(Errno.ENOENT, "there is no driver " + driver);
    }
    Removal unbinding = system.linux().unbind(driver, address);
    if (!unbinding.finished()) {
      removal = unbinding;
      throw new IommuException(Errno.EINPROGRESS, "device " + address + " is in use");
    }
    return address.length();
  }

  private void remove(TranscriptRecord record, Findings findings) {
    Operation.compare(
        record,
        findings,
        () -> {
          String address = address(record);
          if (system.linux().find(address).isEmpty()) {
            throw new IommuException(Errno.ENOENT, "there is no device " + address);
          }
          types.keepHandle(address);
          Removal started = system.linux().remove(address);
          compareFinished(record, findings, started);
          if (!started.finished()) {
            removal = started;
            throw new IommuException(Errno.EINPROGRESS, "device " + address + " is in use");
          }
          return ONE.length();
        });
  }

  private static void compareFinished(TranscriptRecord record, Findings findings, Removal started) {
    record
        .args()
        .truth("finished")
        .ifPresent(
            expected ->
                findings.check(
                    "finished", expected.toString(), Boolean.toString(started.finished())));
  }

  /** What became of the removal that waited. */
  private void removeEnd(TranscriptRecord record, Findings findings) {
    Removal waited = removal;
    removal = null;
    Operation.compare(
        record,
        findings,
        () -> {
          if (waited == null) {
            return ONE.length();
          }
          compareFinished(record, findings, waited);
          if (!waited.finished()) {
            throw new IommuException(Errno.EINPROGRESS, "a device is in use");
          }
          return ONE.length();
        });
  }

  /** With two numbers, the record is about those and not about the write. */
  private long rescan(TranscriptRecord record) {
    scan(() -> system.linux().rescan());
    return record.args().has("old") ? 0 : ONE.length();
  }

  /** The recorder switches the probing of drivers on when it scans. */
  private void scan(Runnable scan) {
    boolean before = system.linux().driversAutoprobe();
    system.linux().driversAutoprobe(true);
    try {
      scan.run();
    } finally {
      system.linux().driversAutoprobe(before);
    }
  }

  private long rescanOne(TranscriptRecord record) {
    String bridge = address(record);
    scan(() -> system.linux().rescanBelow(bridge));
    return ONE.length();
  }

  private long numvfs(TranscriptRecord record) {
    Optional<String> physical = record.args().text("pf").or(() -> system.subject(record));
    int number = record.args().number("numvfs", 0);
    system
        .linux()
        .sriovNumvfs(
            physical.orElseThrow(
                () -> new IommuException(Errno.ENODEV, "no physical function is named")),
            number);
    return Integer.toString(number).length();
  }

  /** Each role has its number before and after; -1 is no group. */
  private void idsAfter(TranscriptRecord record, Findings findings) {
    for (Map.Entry<String, @Nullable Object> entry : record.args().members().entrySet()) {
      if (entry.getValue() instanceof List<?> ids
          && ids.size() == 2
          && ids.get(1) instanceof Long expected) {
        int actual = system.addressOf(entry.getKey()).flatMap(system::groupOf).orElse(-1);
        findings.check("group of " + entry.getKey(), expected.toString(), String.valueOf(actual));
      }
    }
  }

  /** From here on nothing is bound by itself, except at scans. */
  void autoprobe(TranscriptRecord record) {
    system.linux().driversAutoprobe(!record.args().text("text", "").contains("=0"));
  }
}
