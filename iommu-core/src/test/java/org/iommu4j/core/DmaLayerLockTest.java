package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.Assertions;
import org.iommu4j.api.Caller;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaMapper;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuTracer;
import org.iommu4j.core.dma.SimpleDmaLayer;
import org.iommu4j.fake.Rig;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * The end of a domain of the DMA layer waits, with the group lock held, for maps and unmaps in
 * progress. What runs inside those is therefore refused every lock of the core.
 */
final class DmaLayerLockTest {
  @RegisterExtension final Rig rig = new Rig();

  @Test // CORE-006: a tracer of a map by the DMA layer
  @Timeout(60)
  void aTracerIsRefusedInsideTheDmaLayerInsteadOfDeadlocking() throws Exception {
    rig.dmaFactory = SimpleDmaLayer::new;
    rig.start();
    rig.add("a");
    IommuGroup group = rig.group("a");
    Device device = rig.device("a");
    List<IommuException> refusals = new ArrayList<>();
    CountDownLatch mapping = new CountDownLatch(1);
    CountDownLatch changing = new CountDownLatch(1);
    rig.core()
        .addTracer(
            new IommuTracer() {
              @Override
              public void mapped(Domain domain, long iova, long paddr, long size) {
                mapping.countDown();
                await(changing);
                refusals.add((IommuException) Assertions.catchThrowable(() -> group.snapshot()));
                refusals.add(
                    (IommuException)
                        Assertions.catchThrowable(() -> rig.core().releaseDevice(device)));
                refusals.add(
                    (IommuException)
                        Assertions.catchThrowable(() -> rig.core().bindDriver(device, false)));
              }
            });
    DmaMapper mapper = rig.core().dmaMapper(device);
    Thread dma = new Thread(() -> mapper.map(0x10_0000, 0x1000, 3));
    dma.setDaemon(true);
    dma.start();
    await(mapping);
    Thread change = new Thread(() -> group.writeType("identity", Caller.ROOT));
    change.setDaemon(true);
    Rig.startUntilBlocked(change);
    changing.countDown();
    dma.join(20_000);
    change.join(20_000);
    assertThat(refusals).extracting(IommuException::errno).containsOnly(Errno.EDEADLK).hasSize(3);
    assertThat(group.typeText()).isEqualTo("identity");
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
