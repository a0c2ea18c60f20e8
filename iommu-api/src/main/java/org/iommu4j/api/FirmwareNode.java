package org.iommu4j.api;

/**
 * A node of the firmware description that names one IOMMU, compared by identity (CORE-056).
 *
 * <p>The label is for messages only.
 */
public final class FirmwareNode {
  private final String label;
  private final boolean available;

  /**
   * Creates an enabled node.
   *
   * @param label for messages
   */
  public FirmwareNode(String label) {
    this(label, true);
  }

  /**
   * Creates a node.
   *
   * @param label for messages
   * @param available false for a node that firmware marked as disabled (CORE-077)
   */
  public FirmwareNode(String label, boolean available) {
    this.label = label;
    this.available = available;
  }

  /**
   * Whether the described hardware may be used.
   *
   * @return false for a disabled node
   */
  public boolean available() {
    return available;
  }

  @Override
  public String toString() {
    return label;
  }
}
