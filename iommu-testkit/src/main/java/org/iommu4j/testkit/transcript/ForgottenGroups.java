package org.iommu4j.testkit.transcript;

import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Groups that a recorder opened only to see whether it could: nothing is done with the descriptor
 * before the next one of the same group is asked for, so the recorder has closed it silently.
 *
 * <p>Only the sequence of operations and the recorder's descriptors are looked at, not how
 * operations ended.
 */
final class ForgottenGroups {
  private static final Set<String> USES =
      Set.of(
          "vfio_group_status",
          "vfio_set_container",
          "vfio_unset_container",
          "vfio_get_device_fd",
          "vfio_get_device_fd_unknown",
          "vfio_open_group_again",
          "vfio_close_group");

  private static final Set<String> OTHERS_OPEN = Set.of("vfio_child_owns", "vfio_child_killed");

  /** The second descriptor of a child, after that of the container. */
  private static final int GROUP_FD = 1;

  private ForgottenGroups() {}

  /** The records that open such a group, by identity. */
  static Set<TranscriptRecord> in(Transcript transcript) {
    Set<TranscriptRecord> forgotten = Collections.newSetFromMap(new IdentityHashMap<>());
    Map<String, TranscriptRecord> unused = new HashMap<>();
    for (TranscriptRecord record : transcript.records()) {
      if (record.op().equals("vfio_open_group") || OTHERS_OPEN.contains(record.op())) {
        TranscriptRecord before = unused.remove(subject(record));
        if (before != null && !foundItOpen(record)) {
          forgotten.add(before);
        }
        if (record.op().equals("vfio_open_group")) {
          unused.put(subject(record), record);
        }
      } else if (USES.contains(record.op())) {
        unused.remove(subject(record));
        // Members of one group share its descriptor, whichever of them an operation names.
        unused.values().removeIf(other -> sameGroup(other, record));
      }
    }
    forgotten.addAll(unused.values());
    return forgotten;
  }

  /** A child without descriptor for the group has met the one that is still open. */
  private static boolean foundItOpen(TranscriptRecord record) {
    List<?> descriptors = record.args().elements("child_fds");
    return descriptors.size() > GROUP_FD
        && descriptors.get(GROUP_FD) instanceof Long descriptor
        && descriptor < 0;
  }

  private static String subject(TranscriptRecord record) {
    return record.args().text("role", "");
  }

  private static boolean sameGroup(TranscriptRecord one, TranscriptRecord other) {
    return one.args().number("group").isPresent()
        && one.args().number("group").equals(other.args().number("group"));
  }
}
