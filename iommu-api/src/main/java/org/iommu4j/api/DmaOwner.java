package org.iommu4j.api;

/**
 * A token that stands for whoever owns the DMA of a group, compared by identity (CORE-314).
 *
 * <p>The label is for people only: two tokens with one label are two owners.
 */
public final class DmaOwner {
  private final String label;

  /**
   * Creates a token.
   *
   * @param label who it is, for messages
   */
  public DmaOwner(String label) {
    this.label = label;
  }

  /**
   * Who it is, for messages.
   *
   * @return the label given at construction
   */
  public String label() {
    return label;
  }

  @Override
  public String toString() {
    return label;
  }
}
