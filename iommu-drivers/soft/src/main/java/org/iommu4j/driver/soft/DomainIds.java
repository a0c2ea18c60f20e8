package org.iommu4j.driver.soft;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.BitSet;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;

/** The 16-bit numbers under which the hardware caches translations. 0 is not used. Thread-safe. */
final class DomainIds {
  private static final int FIRST = 1;
  private static final int LAST = 0xffff;

  @GuardedBy("this")
  private final BitSet taken = new BitSet();

  /** The lowest free number; ENOSPC if there is none. */
  synchronized int take() {
    int id = taken.nextClearBit(FIRST);
    if (id > LAST) {
      throw new IommuException(
          Errno.ENOSPC, String.format("all domain ids from 0x%x to 0x%x are used", FIRST, LAST));
    }
    taken.set(id);
    return id;
  }

  /** Gives a number back, once nothing is cached under it any more. */
  synchronized void giveBack(int id) {
    taken.clear(id);
  }
}
