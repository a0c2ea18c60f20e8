package org.iommu4j.tests.properties;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Random;
import java.util.Set;
import java.util.function.UnaryOperator;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.RandomGenerator;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.Prot;
import org.iommu4j.core.IommuCore;
import org.iommu4j.driver.soft.SoftIommu;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.testkit.ForwardingIommuOps;
import org.iommu4j.testkit.ForwardingPagingDomainOps;
import org.iommu4j.testkit.SoftHardware;
import org.iommu4j.testkit.jqwik.DmaHistory;
import org.iommu4j.testkit.jqwik.IommuArbitraries;

/** Histories find drivers out: each of these has one mistake that real drivers have had. */
class BrokenDriversTest {
  private static final int TRIES = 500;
  private static final long K4 = 0x1000;
  private static final long M2 = 0x20_0000;

  @Example
  void forgetsToInvalidate(@ForAll Random random) {
    requireFound(
        random,
        "went through, although nothing is mapped there",
        domain ->
            new ForwardingPagingDomainOps(domain) {
              @Override
              public void iotlbSync(IotlbGather gather) {}
            });
  }

  @Example
  void invalidatesAllButTheLastPage(@ForAll Random random) {
    requireFound(
        random,
        "went through, although nothing is mapped there",
        domain ->
            new ForwardingPagingDomainOps(domain) {
              @Override
              public void iotlbSync(IotlbGather gather) {
                IotlbGather less = new IotlbGather();
                less.addRange(gather.start(), gather.end() + 1 - gather.start() - 0x1000);
                for (int i = 0; i < gather.freedCount(); i++) {
                  less.free(gather.freed(i));
                }
                super.iotlbSync(less);
              }
            });
  }

  @Example
  void ignoresProtection(@ForAll Random random) {
    requireFound(
        random,
        "forbids it",
        domain ->
            new ForwardingPagingDomainOps(domain) {
              @Override
              public long mapRange(long iova, long paddr, long size, int prot) {
                return super.mapRange(iova, paddr, size, Prot.RW);
              }
            });
  }

  @Example
  void mapsOnePageTooFew(@ForAll Random random) {
    requireFound(
        random,
        "was refused, although",
        domain ->
            new ForwardingPagingDomainOps(domain) {
              @Override
              public long mapRange(long iova, long paddr, long size, int prot) {
                long done = super.mapRange(iova, paddr, Math.max(K4, size - K4), prot);
                return MapResult.isFailure(done) ? done : MapResult.mapped(size / K4);
              }
            });
  }

  @Example
  void leavesOnePageMapped(@ForAll Random random) {
    requireFound(
        random,
        "went through, although nothing is mapped there",
        domain ->
            new ForwardingPagingDomainOps(domain) {
              @Override
              public long unmapRange(long iova, long size, IotlbGather gather) {
                super.unmapRange(iova, Math.max(K4, size - K4), gather);
                return size;
              }
            });
  }

  @Example
  void misplacesTheSecondLargePage(@ForAll Random random) {
    requireFound(
        random,
        "instead of",
        domain ->
            new ForwardingPagingDomainOps(domain) {
              @Override
              public long mapRange(long iova, long paddr, long size, int prot) {
                if (!isLarge(iova | paddr | size) || size == M2) {
                  return super.mapRange(iova, paddr, size, prot);
                }
                super.mapRange(iova, paddr, M2, prot);
                super.mapRange(iova + M2, paddr, size - M2, prot);
                return MapResult.mapped(size / K4);
              }
            });
  }

  @Example
  void translatesToTheStartOfThePage(@ForAll Random random) {
    requireFound(
        random,
        "iovaToPhys says",
        domain ->
            new ForwardingPagingDomainOps(domain) {
              @Override
              public long iovaToPhys(long iova) {
                return super.iovaToPhys(iova) & -0x1000L;
              }
            });
  }

  /** An emptied table stays and blocks a later large page. */
  @Example
  void refusesLargePagesWhereSmallOnesWere(@ForAll Random random) {
    requireFound(
        random,
        "it was refused, although nothing is in the way",
        domain ->
            new ForwardingPagingDomainOps(domain) {
              private final Set<Long> tables = new HashSet<>();

              @Override
              public long mapRange(long iova, long paddr, long size, int prot) {
                if (!isLarge(iova | paddr | size)) {
                  tables.add(iova / M2);
                } else if (tables.contains(iova / M2)) {
                  return MapResult.failed(0, Errno.EADDRINUSE);
                }
                return super.mapRange(iova, paddr, size, prot);
              }
            });
  }

  private static boolean isLarge(long addressesAndSize) {
    return (addressesAndSize & (M2 - 1)) == 0;
  }

  private static void requireFound(
      Random random, String complaint, UnaryOperator<PagingDomainOps> mistake) {
    RandomGenerator<DmaHistory> histories =
        IommuArbitraries.dmaHistories()
            .pageSizes(1L << 12 | 1L << 21 | 1L << 30)
            .aperture(DomainGeometry.ofBits(48))
            .generator(1000);
    Set<String> complaints = new HashSet<>();
    for (int i = 0; i < TRIES; i++) {
      DmaHistory history = histories.next(random).value();
      try {
        run(history, mistake);
      } catch (AssertionError found) {
        complaints.add(String.valueOf(found.getMessage()));
      }
    }
    assertThat(complaints)
        .as("after %d histories", TRIES)
        .anyMatch(text -> text.contains(complaint));
  }

  private static void run(DmaHistory history, UnaryOperator<PagingDomainOps> mistake) {
    SoftHardware hardware = SoftHardware.create();
    IommuDevice soft = SoftIommu.on(hardware.port());
    try (var core = IommuCore.create(new Broken(soft.ops(), mistake).around(soft))) {
      DevIommu nic = core.probeDevice(PciDevice.at("0000:01:00.0"));
      try (var domain = core.allocPagingDomain(nic);
          var attachment = nic.group().attachScoped(domain)) {
        history.run(domain, hardware.dma(nic));
      }
    }
  }

  private static final class Broken extends ForwardingIommuOps {
    private final UnaryOperator<PagingDomainOps> mistake;

    Broken(IommuOps driver, UnaryOperator<PagingDomainOps> mistake) {
      super(driver);
      this.mistake = mistake;
    }

    @Override
    protected PagingDomainOps wrapPaging(PagingDomainOps domain) {
      return mistake.apply(domain);
    }
  }
}
