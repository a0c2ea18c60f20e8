package org.iommu4j.testkit.conformance;

import java.util.HashSet;
import java.util.Set;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.spi.DmaLayer;

/**
 * A DMA layer that only asks the questions of a real one (trace format, section 10): no IOVAs, no
 * mappings, no time.
 *
 * <p>The first set-up of a domain asks for deferred flushing, if the domain is lazy, and then for
 * the reserved regions; later set-ups ask nothing. Confined to one thread.
 */
public final class RecordingDmaLayer implements DmaLayer {
  private final Recording recording;
  private final Set<PagingDomain> initialised = new HashSet<>();

  /**
   * Creates a layer.
   *
   * @param recording where doorbells are written, and whose faults {@code env.dma_cookie} and
   *     {@code env.flush_queue} apply
   */
  public RecordingDmaLayer(Recording recording) {
    this.recording = recording;
  }

  @Override
  public void getCookie(PagingDomain domain) {
    recording.faults().check("env.dma_cookie", "*");
  }

  @Override
  public void putCookie(PagingDomain domain) {
    initialised.remove(domain);
  }

  @Override
  public Outcome setupDevice(DevIommu device, PagingDomain domain) {
    if (!initialised.add(domain)) {
      return Outcome.AS_REQUESTED;
    }
    Outcome outcome = Outcome.AS_REQUESTED;
    if (domain.type() == DomainType.DMA_FQ
        && (!device.capable(Capability.DEFERRED_FLUSH) || queueFails())) {
      outcome = Outcome.DOWNGRADED;
    }
    for (ResvRegion region : device.reservedRegions()) {
      region.release(device.device());
    }
    return outcome;
  }

  @Override
  public void teardownDevice(DevIommu device) {}

  @Override
  public void startFlushQueue(PagingDomain domain) {
    if (queueFails()) {
      throw new IommuException(Errno.ENOMEM, "no memory for the flush queue of " + domain);
    }
  }

  private boolean queueFails() {
    return recording.faults().next("env.flush_queue", "*") != null;
  }

  @Override
  public void getMsiCookie(PagingDomain domain, long base) {}

  @Override
  public void putMsiCookie(PagingDomain domain) {}

  @Override
  public void prepareMsi(DevIommu device, PagingDomain domain, long doorbell) {
    recording.effect("dma_sw_msi " + recording.name(domain) + " " + Long.toHexString(doorbell));
  }
}
