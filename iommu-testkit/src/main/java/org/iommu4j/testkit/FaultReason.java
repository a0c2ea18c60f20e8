package org.iommu4j.testkit;

/** Why a hardware model refused a DMA. Not every model knows every reason. */
public enum FaultReason {
  /** Translation is switched off and nothing may pass. */
  DISABLED,
  /** Nobody told the hardware about the device. */
  UNKNOWN_DEVICE,
  /** The device or the PASID is blocked. */
  BLOCKED,
  /** The configuration of the device makes no sense. */
  MALFORMED_DEVICE,
  /** The device may not use PASIDs, or not this one. */
  NO_PASID,
  /** The address has more bits than are translated. */
  ADDRESS_WIDTH,
  /** There is no mapping. */
  NOT_MAPPED,
  /** The mapping does not allow the direction. */
  PERMISSION,
  /** An entry of a page table makes no sense. */
  MALFORMED_PAGE,
  /** The addresses are for interrupt messages. */
  INTERRUPT_WINDOW,
  /** No memory answers, at the target or where a table should be. */
  MEMORY
}
