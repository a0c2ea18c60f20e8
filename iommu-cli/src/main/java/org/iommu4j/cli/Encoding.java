package org.iommu4j.cli;

import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;

/** How standard output is written. */
final class Encoding {
  private Encoding() {}

  /** JDK 17 knows the encoding of standard output only as a property of its own. */
  static boolean isUnicode() {
    String name = System.getProperty("stdout.encoding", System.getProperty("sun.stdout.encoding"));
    return name == null
        ? Charset.defaultCharset().equals(StandardCharsets.UTF_8)
        : name.equalsIgnoreCase(StandardCharsets.UTF_8.name());
  }
}
