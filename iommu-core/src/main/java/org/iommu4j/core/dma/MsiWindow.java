package org.iommu4j.core.dma;

/**
 * The addresses a consumer set aside for MSI pages: handed out upwards, page by page, without a
 * limit (CORE-464, DMA-032). Not thread-safe: its {@link MsiPages} lock guards it.
 */
final class MsiWindow {
  private final long pageSize;
  private long next;

  MsiWindow(long base, long pageSize) {
    this.pageSize = pageSize;
    this.next = base;
  }

  long take() {
    long taken = next;
    next += pageSize;
    return taken;
  }

  void giveBack(long latest) {
    next = latest;
  }
}
