package org.iommu4j.testkit.transcript;

import java.util.List;
import java.util.Optional;
import org.iommu4j.api.Errno;

/**
 * One line of a transcript: an operation and what the kernel answered.
 *
 * @param fields everything in the line
 */
record TranscriptRecord(Fields fields) {
  String config() {
    return fields.text("config", "(no name)");
  }

  String kernel() {
    return fields.text("kernel", "");
  }

  String scenario() {
    return fields.text("scn", "");
  }

  int step() {
    return fields.number("step", 0);
  }

  String op() {
    return fields.text("op", "");
  }

  Fields args() {
    return fields.object("args");
  }

  /** What the system call returned: at least 0, or the negative errno. */
  Optional<Long> ret() {
    Optional<Long> ret = fields.number("ret");
    if (ret.isPresent()) {
      return ret;
    }
    return fields.text("result").flatMap(Errno::ofName).map(errno -> -(long) errno.number());
  }

  List<Fields> state() {
    return fields.objects("state");
  }

  List<String> klog() {
    return fields.texts("klog");
  }

  boolean isDevice() {
    return scenario().equals("topology") && op().equals("device");
  }
}
