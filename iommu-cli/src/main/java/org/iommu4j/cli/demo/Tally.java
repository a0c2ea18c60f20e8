package org.iommu4j.cli.demo;

import java.util.concurrent.atomic.LongAdder;
import org.iommu4j.api.Device;
import org.iommu4j.api.Domain;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuTracer;

/** Counts what a core says about itself. */
final class Tally implements IommuTracer {
  private final LongAdder maps = new LongAdder();
  private final LongAdder unmaps = new LongAdder();
  private final LongAdder attaches = new LongAdder();
  private final LongAdder arrivals = new LongAdder();
  private final LongAdder departures = new LongAdder();

  @Override
  public void mapped(Domain domain, long iova, long paddr, long size) {
    maps.increment();
  }

  @Override
  public void unmapped(Domain domain, long iova, long size, long unmapped) {
    unmaps.increment();
  }

  @Override
  public void attached(Device device, Domain domain) {
    attaches.increment();
  }

  @Override
  public void deviceAdded(IommuGroup group, Device device) {
    arrivals.increment();
  }

  @Override
  public void deviceRemoved(IommuGroup group, Device device) {
    departures.increment();
  }

  long maps() {
    return maps.sum();
  }

  long unmaps() {
    return unmaps.sum();
  }

  long attaches() {
    return attaches.sum();
  }

  long arrivals() {
    return arrivals.sum();
  }

  long departures() {
    return departures.sum();
  }
}
