package org.iommu4j.core.group;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.BitSet;
import org.iommu4j.api.Pasid;
import org.iommu4j.core.trace.CoreTrace;

/** The pool of PASIDs that are unique within a core (CORE-456, 457). Thread-safe. */
public final class GlobalPasids {
  private final CoreTrace trace;
  private final Object lock = new Object();

  @GuardedBy("lock")
  private final BitSet taken = new BitSet();

  /** Creates a full pool. */
  public GlobalPasids(CoreTrace trace) {
    this.trace = trace;
  }

  /** Takes the lowest free value below a limit, or answers the invalid one. */
  public int allocate(int maxPasids) {
    synchronized (lock) {
      int lowest = taken.nextClearBit(Pasid.FIRST_GLOBAL);
      if (lowest >= maxPasids) {
        return Pasid.INVALID;
      }
      taken.set(lowest);
      return lowest;
    }
  }

  /** Gives a value back; the invalid one is a violation. */
  public void free(int pasid) {
    if (pasid < Pasid.FIRST_GLOBAL) {
      trace.violation(1034, "invalid-pasid", "PASID 0x" + Integer.toHexString(pasid));
      return;
    }
    synchronized (lock) {
      taken.clear(pasid);
    }
  }
}
