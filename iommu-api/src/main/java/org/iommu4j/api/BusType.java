package org.iommu4j.api;

/** The buses a core supports, in the order in which it probes them (CORE-053). */
public enum BusType {
  /** Devices described by firmware. */
  PLATFORM,
  /** PCI and PCI Express. */
  PCI,
  /** Arm's advanced microcontroller bus. */
  AMBA,
  /** NXP management complex. */
  FSL_MC,
  /** NVIDIA host1x contexts. */
  HOST1X,
  /** AMD composable DMA transfer bus. */
  CDX
}
