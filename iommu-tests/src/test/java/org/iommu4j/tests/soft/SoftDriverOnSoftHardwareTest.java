package org.iommu4j.tests.soft;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DirtyBitmap;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.PlatformDevice;
import org.iommu4j.api.Prot;
import org.iommu4j.core.IommuCore;
import org.iommu4j.driver.soft.SoftIommu;
import org.iommu4j.spi.DirtyOps;
import org.iommu4j.testkit.DmaEngine;
import org.iommu4j.testkit.DmaFault;
import org.iommu4j.testkit.SoftHardware;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The driver writes what the hardware reads, though they share no code. */
@Timeout(120)
class SoftDriverOnSoftHardwareTest {
  private static final long K4 = 0x1000;
  private static final long M2 = 0x20_0000;
  private static final long RAM = 0x4000_0000;

  private final SoftHardware hardware = SoftHardware.builder().commandLatency(2).build();
  private final PciDevice nic = PciDevice.builder("0000:01:00.0").pasidLimit(32).build();
  private final DmaEngine dma = hardware.dma(nic);

  @Test
  void aVmmMapsAndItsDeviceArrives() {
    long before;
    try (var core = IommuCore.create(SoftIommu.on(hardware.port()))) {
      before = hardware.memory().allocatedPages();
      DevIommu device = core.probeDevice(nic);
      try (var owner = device.group().own(new DmaOwner("my-vmm"));
          var domain = core.allocPagingDomain(device);
          var attachment = device.group().attachScoped(domain)) {
        domain.map(0x10_0000, RAM, M2, Prot.RW);
        dma.write(0x10_0123, 42);
        assertThat(hardware.memory().read(RAM + 0x120)).isEqualTo(42L << 24);
        assertThat(hardware.dma(device).read(0x10_0123)).isEqualTo(42);
        assertThatThrownBy(() -> dma.read(0x10_0000 + M2)).isInstanceOf(DmaFault.class);
      }
      assertThatThrownBy(() -> dma.read(0x10_0000)).isInstanceOf(DmaFault.class);
      core.releaseDevice(nic);
      assertThat(core.violations()).isEmpty();
      assertThat(hardware.memory().allocatedPages()).isEqualTo(before);
    }
    assertThat(hardware.staleHits()).isZero();
  }

  @Test
  void strictUnmapsLeaveNothingBehindAndLazyOnesUntilTheFlush() {
    try (var core = IommuCore.create(SoftIommu.on(hardware.port()))) {
      DevIommu device = core.probeDevice(nic);
      try (var owner = device.group().own(new DmaOwner("vmm"));
          var domain = core.allocPagingDomain(device);
          var attachment = device.group().attachScoped(domain)) {
        domain.map(0, RAM + K4, 2 * M2, Prot.RW); // small pages: two tables of them
        long pages = hardware.memory().allocatedPages();
        dma.read(0);
        dma.read(M2);
        assertThat(domain.unmap(0, M2)).isEqualTo(M2);
        assertThatThrownBy(() -> dma.read(0)).isInstanceOf(DmaFault.class);
        assertThat(hardware.staleHits()).isZero();
        assertThat(hardware.memory().allocatedPages()).isEqualTo(pages - 1);

        IotlbGather gather = new IotlbGather();
        gather.queue();
        assertThat(domain.unmapFast(M2, M2, gather)).isEqualTo(M2);
        dma.write(M2, 7);
        assertThat(hardware.memory().read(RAM + K4 + M2)).isEqualTo(7);
        assertThat(hardware.staleHits()).isEqualTo(1);
        assertThat(hardware.memory().allocatedPages()).isEqualTo(pages - 1);
        domain.flushIotlbAll();
        assertThat(hardware.memory().allocatedPages()).isEqualTo(pages - 2);
        assertThatThrownBy(() -> dma.write(M2, 8)).isInstanceOf(DmaFault.class);
      }
    }
  }

  @Test
  void pasidsAndDirtyPages() {
    try (var core = IommuCore.create(SoftIommu.on(hardware.port()))) {
      DevIommu device = core.probeDevice(nic);
      try (PagingDomain domain = core.allocPagingDomain(device, AllocFlag.PASID, AllocFlag.DIRTY)) {
        device.attachPasid(domain, 5, null);
        domain.map(0, RAM, 4 * K4, Prot.RW);
        DirtyOps dirty = domain.dirtyTracking();
        dma.write(5, 0, 1);
        dirty.setDirtyTracking(true);
        assertThat(written(domain, dirty)).isEqualTo(new BitSet());
        dma.write(5, K4, 1);
        dma.write(5, 3 * K4, 1);
        dma.read(5, 2 * K4);
        assertThat(written(domain, dirty)).isEqualTo(BitSet.valueOf(new long[] {10}));
        dma.write(5, K4, 1);
        assertThat(written(domain, dirty)).isEqualTo(BitSet.valueOf(new long[] {2}));
        device.detachPasid(domain, 5);
        assertThatThrownBy(() -> dma.read(5, 0)).isInstanceOf(DmaFault.class);
      }
      core.releaseDevice(nic);
    }
  }

  private static BitSet written(PagingDomain domain, DirtyOps dirty) {
    BitSet bits = new BitSet();
    IotlbGather gather = new IotlbGather();
    dirty.readAndClearDirty(0, 4 * K4, false, new DirtyBitmap(0, 12, bits, gather));
    domain.iotlbSync(gather);
    return bits;
  }

  @Test
  void platformDevicesAreServedToo() {
    FirmwareNode node = new FirmwareNode("iommu@0");
    PlatformDevice uart =
        PlatformDevice.builder("uart").iommu(new IommuSpecifier(node, List.of(0x42))).build();
    try (var core = IommuCore.create(SoftIommu.on(hardware.port(), node))) {
      DevIommu device = core.probeDevice(uart);
      assertThat(SoftIommu.streamId(device)).isEqualTo(0x42);
      assertThatThrownBy(() -> hardware.dma(uart).read(0)).isInstanceOf(DmaFault.class);
      core.releaseDevice(uart);
      assertThat(core.violations()).isEmpty();
    }
  }

  /** Two threads map and unmap ranges that share tables, each with DMA of its own. */
  @Test
  void rangesOfOneDomainAreIndependent() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(3);
    try (var core = IommuCore.create(SoftIommu.on(hardware.port()))) {
      DevIommu device = core.probeDevice(nic);
      try (var owner = device.group().own(new DmaOwner("vmm"));
          var domain = core.allocPagingDomain(device);
          var attachment = device.group().attachScoped(domain)) {
        AtomicBoolean done = new AtomicBoolean();
        Future<?> noise =
            threads.submit(
                () -> {
                  while (!done.get()) {
                    domain.flushIotlbAll();
                    assertThat(domain.iovaToPhys(3 * K4)).isZero();
                  }
                });
        List<Future<?>> workers = new ArrayList<>();
        for (int worker = 0; worker < 2; worker++) {
          long iova = worker * K4;
          workers.add(threads.submit(() -> churn(domain, iova)));
        }
        for (Future<?> worker : workers) {
          worker.get();
        }
        done.set(true);
        noise.get();
      }
      core.releaseDevice(nic);
      assertThat(hardware.staleHits()).isZero();
      assertThat(hardware.memory().allocatedPages()).isEqualTo(1);
    } finally {
      threads.shutdownNow();
    }
  }

  private void churn(PagingDomain domain, long iova) {
    for (int round = 0; round < 3000; round++) {
      long physical = RAM + iova + (round & 7) * M2;
      domain.map(iova, physical, K4, Prot.RW);
      dma.write(iova + 8, round);
      assertThat(hardware.memory().read(physical + 8)).isEqualTo(round);
      assertThat(domain.unmap(iova, K4)).isEqualTo(K4);
      assertThatThrownBy(() -> dma.read(iova)).isInstanceOf(DmaFault.class);
    }
  }
}
