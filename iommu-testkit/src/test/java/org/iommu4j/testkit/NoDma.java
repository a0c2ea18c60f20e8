package org.iommu4j.testkit;

import org.iommu4j.api.DevIommu;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.spi.DmaLayer;
import org.iommu4j.spi.Scheduler;

/** A DMA layer that takes everything and offers no DMA API. */
record NoDma(Scheduler time) implements DmaLayer {
  @Override
  public void getCookie(PagingDomain domain) {
    // Nothing is kept.
  }

  @Override
  public void putCookie(PagingDomain domain) {
    // Nothing is kept.
  }

  @Override
  public Outcome setupDevice(DevIommu device, PagingDomain domain) {
    return Outcome.AS_REQUESTED;
  }

  @Override
  public void teardownDevice(DevIommu device) {
    // Nothing is kept.
  }

  @Override
  public void startFlushQueue(PagingDomain domain) {
    // Nothing is delayed.
  }

  @Override
  public void getMsiCookie(PagingDomain domain, long base) {
    // Nothing is kept.
  }

  @Override
  public void putMsiCookie(PagingDomain domain) {
    // Nothing is kept.
  }

  @Override
  public void prepareMsi(DevIommu device, PagingDomain domain, long doorbell) {
    // Nothing is mapped.
  }
}
