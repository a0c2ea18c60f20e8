package org.iommu4j.fake;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Optional;
import java.util.Set;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DmaMapper;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.spi.DmaLayer;

/** A DMA layer that holds nothing and writes everything down. */
public final class FakeDmaLayer implements DmaLayer {
  /** The answer of every set-up. */
  public Outcome outcome = Outcome.AS_REQUESTED;

  /** Domains that carry a cookie of this layer. */
  public final Set<PagingDomain> cookies = Collections.newSetFromMap(new IdentityHashMap<>());

  private final Witness witness;

  FakeDmaLayer(Witness witness) {
    this.witness = witness;
  }

  private static String name(PagingDomain domain) {
    return domain.ops().toString();
  }

  private void note(String callback, Object subject, String operands) {
    witness.run("dma." + callback, subject, "dma " + callback + " " + operands, () -> {});
  }

  @Override
  public void getCookie(PagingDomain domain) {
    note("get_cookie", domain, name(domain));
    cookies.add(domain);
  }

  @Override
  public void putCookie(PagingDomain domain) {
    cookies.remove(domain);
    note("put_cookie", domain, name(domain));
  }

  @Override
  public Outcome setupDevice(DevIommu device, PagingDomain domain) {
    return witness.call(
        "dma.setup", device, "dma setup " + device + " " + name(domain), "", () -> outcome);
  }

  @Override
  public void teardownDevice(DevIommu device) {
    note("teardown", device, device.toString());
  }

  @Override
  public void startFlushQueue(PagingDomain domain) {
    note("start_flush_queue", domain, name(domain));
  }

  @Override
  public void getMsiCookie(PagingDomain domain, long base) {
    note("get_msi_cookie", domain, name(domain) + " 0x" + Long.toHexString(base));
    cookies.add(domain);
  }

  @Override
  public void putMsiCookie(PagingDomain domain) {
    cookies.remove(domain);
    note("put_msi_cookie", domain, name(domain));
  }

  @Override
  public void prepareMsi(DevIommu device, PagingDomain domain, long doorbell) {
    note("prepare_msi", device, device + " " + name(domain) + " 0x" + Long.toHexString(doorbell));
  }

  @Override
  public Optional<DmaMapper> mapperFor(DevIommu device) {
    return witness.call(
        "dma.mapper_for", device, "dma mapper_for " + device, "", Optional::<DmaMapper>empty);
  }

  @Override
  public void close() {
    note("close", "layer", "");
  }
}
