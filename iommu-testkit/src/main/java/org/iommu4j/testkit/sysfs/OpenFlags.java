package org.iommu4j.testkit.sysfs;

import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.StandardOpenOption;
import java.util.EnumSet;
import java.util.Set;
import org.iommu4j.core.sysfs.OpenFlag;

/** Turns open options into the flags of open(2). */
final class OpenFlags {
  private OpenFlags() {}

  static EnumSet<OpenFlag> of(Set<? extends OpenOption> options) {
    EnumSet<OpenFlag> flags = EnumSet.noneOf(OpenFlag.class);
    for (OpenOption option : options) {
      add(flags, option);
    }
    if (flags.contains(OpenFlag.READ) && flags.contains(OpenFlag.APPEND)) {
      throw new IllegalArgumentException("READ + APPEND not allowed");
    }
    if (flags.contains(OpenFlag.APPEND) && flags.contains(OpenFlag.TRUNCATE)) {
      throw new IllegalArgumentException("APPEND + TRUNCATE_EXISTING not allowed");
    }
    if (flags.contains(OpenFlag.APPEND)) {
      flags.add(OpenFlag.WRITE);
    }
    if (!flags.contains(OpenFlag.WRITE)) {
      flags.add(OpenFlag.READ);
      flags.removeAll(EnumSet.of(OpenFlag.CREATE, OpenFlag.EXCLUSIVE, OpenFlag.TRUNCATE));
    }
    return flags;
  }

  private static void add(Set<OpenFlag> flags, OpenOption option) {
    if (option == LinkOption.NOFOLLOW_LINKS) {
      flags.add(OpenFlag.NO_FOLLOW);
      return;
    }
    if (!(option instanceof StandardOpenOption standard)) {
      throw new UnsupportedOperationException(option + " not supported");
    }
    switch (standard) {
      case READ -> flags.add(OpenFlag.READ);
      case WRITE -> flags.add(OpenFlag.WRITE);
      case APPEND -> flags.add(OpenFlag.APPEND);
      case TRUNCATE_EXISTING -> flags.add(OpenFlag.TRUNCATE);
      case CREATE -> flags.add(OpenFlag.CREATE);
      case CREATE_NEW -> flags.addAll(EnumSet.of(OpenFlag.CREATE, OpenFlag.EXCLUSIVE));
      case DELETE_ON_CLOSE ->
          throw new UnsupportedOperationException("nothing can be deleted in sysfs");
      case SPARSE, SYNC, DSYNC -> {
        // They change nothing here.
      }
    }
  }
}
