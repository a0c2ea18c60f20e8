package org.iommu4j.core.sysfs;

import java.util.Set;
import java.util.function.Supplier;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;

/** {@code uevent} files. */
public final class Uevent {
  private static final Set<String> ACTIONS =
      Set.of("add", "remove", "change", "move", "online", "offline", "bind", "unbind");

  private Uevent() {}

  /**
   * The {@code uevent} file of a device. What is written must name an action; there is nobody to
   * tell.
   *
   * @param variables what it reads
   * @return an attribute with mode 0644 that refuses other texts with EINVAL
   */
  public static SysfsAttribute file(Supplier<String> variables) {
    return SysfsAttribute.readWrite(variables, (text, caller) -> check(text));
  }

  private static void check(String text) {
    String action = text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
    if (!ACTIONS.contains(action)) {
      throw new IommuException(Errno.EINVAL, "'" + action + "' is no event");
    }
  }
}
