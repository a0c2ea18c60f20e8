package org.iommu4j.api;

/** The port type in a PCI Express capability, or its absence (CORE-140). */
public enum PcieType {
  /** Not PCI Express: a conventional PCI function. */
  CONVENTIONAL,
  /** A PCI Express endpoint. */
  ENDPOINT,
  /** A legacy endpoint. */
  LEGACY_ENDPOINT,
  /** A root port. */
  ROOT_PORT,
  /** The upstream port of a switch. */
  UPSTREAM_PORT,
  /** A downstream port of a switch. */
  DOWNSTREAM_PORT,
  /** A bridge from PCI Express (above) to conventional PCI (below). */
  PCIE_TO_PCI_BRIDGE,
  /** A bridge from conventional PCI (above) to PCI Express (below). */
  PCI_TO_PCIE_BRIDGE,
  /** An endpoint integrated in the root complex. */
  INTEGRATED_ENDPOINT,
  /** A root-complex event collector. */
  EVENT_COLLECTOR;

  /**
   * Whether the function has a PCI Express capability.
   *
   * @return false for {@link #CONVENTIONAL}
   */
  public boolean isExpress() {
    return this != CONVENTIONAL;
  }
}
