package org.iommu4j.testkit.transcript;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.Prot;
import org.iommu4j.testkit.vfio.VfioContainer;
import org.iommu4j.testkit.vfio.VfioDevice;
import org.iommu4j.testkit.vfio.VfioGroup;
import org.iommu4j.testkit.vfio.VfioHandle;
import org.iommu4j.testkit.vfio.VfioInfo;
import org.iommu4j.testkit.vfio.VfioProcess;
import org.jspecify.annotations.Nullable;

/**
 * What the recorder did with VFIO: it has one container at a time, one descriptor per group, and
 * one per device.
 */
final class VfioOperations {
  /** Where the recorder's pinned memory is; nothing of it is ever accessed. */
  private static final long MEMORY = 0x4000_0000L;

  private static final String NO_SUCH_DEVICE = "0000:ff:1f.7";

  private final RecordedSystem system;
  private final Set<TranscriptRecord> forgottenGroups;
  private final Map<String, VfioGroup> groupOfRole = new HashMap<>();
  private final Map<Integer, VfioGroup> groupByNumber = new HashMap<>();
  private final Map<String, VfioDevice> devices = new HashMap<>();
  private final Map<String, VfioProcess> children = new HashMap<>();
  private @Nullable VfioContainer container;

  VfioOperations(RecordedSystem system, Set<TranscriptRecord> forgottenGroups) {
    this.system = system;
    this.forgottenGroups = forgottenGroups;
  }

  void addTo(Map<String, Operation> operations) {
    operations.put("vfio_open_container", this::openContainer);
    operations.put("vfio_open_group", Operation.returning(this::openGroup));
    operations.put("vfio_open_group_again", Operation.returning(this::openGroupAgain));
    operations.put("vfio_group_status", this::status);
    operations.put("vfio_set_container", Operation.returning(this::setContainer));
    operations.put("vfio_unset_container", Operation.returning(this::unsetContainer));
    operations.put("vfio_set_iommu_type1v2", Operation.returning(this::setIommu));
    operations.put("vfio_iommu_info", this::info);
    operations.put("vfio_map_dma", Operation.returning(this::map));
    operations.put("vfio_unmap_dma", Operation.returning(this::unmap));
    operations.put("vfio_get_device_fd", Operation.returning(this::openDevice));
    operations.put("vfio_get_device_fd_unknown", Operation.returning(this::openUnknown));
    operations.put("vfio_close_device", Operation.returning(r -> close(devices.remove(role(r)))));
    operations.put("vfio_close_group", Operation.returning(r -> close(group(r))));
    operations.put("vfio_close_container", Operation.returning(this::closeContainer));
    operations.put("vfio_child_owns", this::childOwns);
    operations.put("vfio_child_killed", Operation.returning(this::childKilled));
  }

  private static String role(TranscriptRecord record) {
    return record.args().text("role", "");
  }

  private void openContainer(TranscriptRecord record, Findings findings) {
    Operation.compare(
        record,
        findings,
        () -> {
          VfioContainer opened = system.vfio().openContainer();
          container = opened;
          compare(record, findings, "api", opened.apiVersion());
          compare(record, findings, "type1", opened.checkExtension(1) ? 1 : 0);
          compare(record, findings, "type1v2", opened.checkExtension(3) ? 1 : 0);
          return 0;
        });
  }

  private static void compare(TranscriptRecord record, Findings findings, String what, int actual) {
    record
        .args()
        .number(what)
        .ifPresent(expected -> findings.check(what, expected.toString(), "" + actual));
  }

  /** The file of the named group, or of the one that the device is in. */
  private VfioGroup open(TranscriptRecord record) {
    int id =
        system
            .subjectGroup(record)
            .orElseThrow(() -> new IommuException(Errno.ENOENT, "no group to open"));
    return system.vfio().openGroup(id);
  }

  private long openGroup(TranscriptRecord record) {
    VfioGroup opened = open(record);
    if (forgottenGroups.contains(record)) {
      opened.close();
      return 0;
    }
    groupOfRole.put(role(record), opened);
    groupByNumber.put(opened.id(), opened);
    return 0;
  }

  /** Only the answer counts: a second descriptor would be closed at once. */
  private long openGroupAgain(TranscriptRecord record) {
    open(record).close();
    return 0;
  }

  /** Members of one group share its descriptor. */
  private VfioGroup group(TranscriptRecord record) {
    VfioGroup byNumber = groupByNumber.get(record.args().number("group", -1));
    VfioGroup group =
        byNumber == null || byNumber.isClosed() ? groupOfRole.get(role(record)) : byNumber;
    if (group == null) {
      throw new IommuException(Errno.EBADF, "group of " + role(record) + " is not open");
    }
    return group;
  }

  private VfioContainer container() {
    VfioContainer open = container;
    if (open == null) {
      throw new IommuException(Errno.EBADF, "no container is open");
    }
    return open;
  }

  private void status(TranscriptRecord record, Findings findings) {
    Operation.compare(
        record,
        findings,
        () -> {
          VfioGroup.Status status = group(record).status();
          compare(record, findings, "flags", status.flags());
          return 0;
        });
  }

  private long setContainer(TranscriptRecord record) {
    group(record).setContainer(container());
    return 0;
  }

  private long unsetContainer(TranscriptRecord record) {
    group(record).unsetContainer();
    return 0;
  }

  private long setIommu(TranscriptRecord record) {
    container().setIommu();
    return 0;
  }

  private void info(TranscriptRecord record, Findings findings) {
    Operation.compare(
        record,
        findings,
        () -> {
          VfioInfo info = container().info();
          record
              .args()
              .hex("pgsizes")
              .ifPresent(
                  expected ->
                      findings.check(
                          "page sizes",
                          Long.toHexString(expected),
                          Long.toHexString(info.pageSizes())));
          if (record.args().has("iova_ranges")) {
            findings.check("ranges", recordedRanges(record.args()), info.iovaRanges().toString());
          }
          return 0;
        });
  }

  private static String recordedRanges(Fields args) {
    return args.elements("iova_ranges").stream()
        .map(
            range ->
                range instanceof List<?> ends
                    ? ends.stream().map(String::valueOf).collect(Collectors.joining("-"))
                    : String.valueOf(range))
        .toList()
        .toString();
  }

  private long map(TranscriptRecord record) {
    container()
        .mapDma(
            record.args().hex("iova").orElse(0L),
            MEMORY,
            record.args().hex("size").orElse(0L),
            Prot.RW);
    return 0;
  }

  private long unmap(TranscriptRecord record) {
    var unused =
        container()
            .unmapDma(record.args().hex("iova").orElse(0L), record.args().hex("size").orElse(0L));
    return 0;
  }

  private long openDevice(TranscriptRecord record) {
    String name = system.subject(record).orElse(NO_SUCH_DEVICE);
    VfioDevice opened = group(record).device(name);
    devices.put(role(record), opened);
    return 0;
  }

  private long openUnknown(TranscriptRecord record) {
    group(record).device(NO_SUCH_DEVICE).close();
    return 0;
  }

  private long closeContainer(TranscriptRecord record) {
    VfioContainer closing = container;
    container = null;
    return close(closing);
  }

  private static long close(@Nullable VfioHandle handle) {
    if (handle == null || handle.isClosed()) {
      throw new IommuException(Errno.EBADF, "nothing is open");
    }
    handle.close();
    return 0;
  }

  /**
   * Another process goes as far as it gets. Its own report counts only if it got everything: how a
   * recorder reports the rest is its own affair.
   */
  private void childOwns(TranscriptRecord record, Findings findings) {
    VfioProcess child = system.vfio().process();
    children.put(role(record), child);
    long answer =
        Operation.attempt(
            () -> {
              String name = system.subject(record).orElse(NO_SUCH_DEVICE);
              int id = system.groupOf(name).orElse(-1);
              VfioContainer own = child.openContainer();
              VfioGroup group = child.openGroup(id);
              group.setContainer(own);
              own.setIommu();
              var unused = child.openDevice(group, name);
              return 0;
            });
    if (answer == 0) {
      record.ret().ifPresent(expected -> findings.checkReturn(expected, answer));
    }
  }

  private long childKilled(TranscriptRecord record) {
    VfioProcess child = children.remove(role(record));
    if (child == null) {
      throw new IommuException(Errno.ESRCH, "there is no process for " + role(record));
    }
    child.kill();
    return 0;
  }
}
