package org.iommu4j.api;

import org.jspecify.annotations.Nullable;

/** A consumer's answer to faults in one of its domains (CORE-465). Runs under no core lock. */
@FunctionalInterface
@Mirrors("iommu_fault_handler_t")
public interface FaultHandler {
  /**
   * Handles one fault.
   *
   * @param domain where it happened
   * @param device which device caused it
   * @param iova the faulting address
   * @param access read or write
   * @return null if handled, else the error to hand back to the driver
   */
  @Nullable Errno onFault(Domain domain, DevIommu device, long iova, FaultAccess access);
}
