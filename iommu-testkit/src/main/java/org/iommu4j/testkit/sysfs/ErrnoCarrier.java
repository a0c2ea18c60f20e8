package org.iommu4j.testkit.sysfs;

import java.io.IOException;
import java.util.Optional;
import org.iommu4j.api.Errno;

/** An {@link IOException} that knows which errno the system call returned. */
public interface ErrnoCarrier {
  /**
   * The error number.
   *
   * @return never null
   */
  Errno errno();

  /**
   * Finds the errno of a failure.
   *
   * @param failure any failure
   * @return empty if neither it nor a cause of it carries one
   */
  static Optional<Errno> of(Throwable failure) {
    for (Throwable now = failure; now != null; now = now.getCause()) {
      if (now instanceof ErrnoCarrier carrier) {
        return Optional.of(carrier.errno());
      }
    }
    return Optional.empty();
  }
}
