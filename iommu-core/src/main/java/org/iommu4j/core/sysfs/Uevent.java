package org.iommu4j.core.sysfs;

import java.util.Set;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;

/** Writes to {@code uevent} files: the action is checked; there is nobody to tell. */
final class Uevent {
  private static final Set<String> ACTIONS =
      Set.of("add", "remove", "change", "move", "online", "offline", "bind", "unbind");

  private Uevent() {}

  static void store(String text, Caller caller) {
    String action = text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
    if (!ACTIONS.contains(action)) {
      throw new IommuException(
          Errno.EINVAL, "'" + action + "' written by " + caller + " is no event");
    }
  }
}
