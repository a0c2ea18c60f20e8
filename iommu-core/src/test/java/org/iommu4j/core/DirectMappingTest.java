package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.BootParameters;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.fake.Hooks;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.IommuOp;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Regions that firmware wants one-to-one. */
final class DirectMappingTest {
  @RegisterExtension final Rig rig = new Rig();

  private List<String> mapsOf(ResvRegion... regions) {
    rig.driver.regions.put("a", List.of(regions));
    rig.startWithGroup("a");
    rig.core().unregister(rig.iommu);
    rig.journal.clear();
    rig.core().register(rig.iommu);
    return rig.journal.starting("map");
  }

  private static ResvRegion direct(long start, long length) {
    return ResvRegion.of(start, length, 3, ResvType.DIRECT);
  }

  @Test // CORE-191
  void wholePages() {
    assertThat(mapsOf(direct(0x1000, 0x3000)))
        .containsExactly("map D2 0x1000 0x1000 0x1000 x3 prot=3");
  }

  @Test // CORE-191: start and end are both rounded up
  void aPartialFirstPageIsDropped() {
    assertThat(mapsOf(direct(0x1800, 0x1000)))
        .containsExactly("map D2 0x2000 0x2000 0x1000 x1 prot=3");
  }

  @Test // CORE-191
  void lessThanAPageMapsNothing() {
    assertThat(mapsOf(direct(0x1800, 0x400))).isEmpty();
  }

  @Test // CORE-192: the vector of the rule, by a second region over the first
  void mappedPagesAreSkippedAndEachRunIsOneCall() {
    assertThat(mapsOf(direct(0x2000, 0x1000), direct(0x1000, 0x3000)))
        .containsExactly(
            "map D2 0x2000 0x2000 0x1000 x1 prot=3",
            "map D2 0x1000 0x1000 0x1000 x1 prot=3",
            "map D2 0x3000 0x3000 0x1000 x1 prot=3");
  }

  @Test // CORE-192: address 0 is probed at address 1
  void addressZeroIsProbedAtOne() {
    assertThat(mapsOf(direct(0, 0x1000), direct(0, 0x2000)))
        .containsExactly(
            "map D2 0x0 0x0 0x1000 x1 prot=3", "map D2 0x1000 0x1000 0x1000 x1 prot=3");
    assertThat(rig.journal.starting("?phys D2 0x0")).isEmpty();
    assertThat(rig.journal.starting("?phys D2 0x1")).isNotEmpty();
  }

  @Test // CORE-190, CORE-712: what is mapped, and what that makes of the device
  void onlyDirectRegionsAreMappedAndOnlyRealOnesAreRequired() {
    assertThat(
            mapsOf(
                ResvRegion.of(0x1000, 0x1000, 1, ResvType.DIRECT_RELAXABLE),
                ResvRegion.of(0x2000, 0x1000, 3, ResvType.RESERVED),
                ResvRegion.of(0x3000, 0x1000, 3, ResvType.MSI),
                ResvRegion.of(0x4000, 0x1000, 3, ResvType.SW_MSI)))
        .containsExactly("map D2 0x1000 0x1000 0x1000 x1 prot=1");
    assertThat(rig.dev("a").requireDirect()).isFalse();
    IommuGroup group = rig.group("a");
    group.claimDmaOwner(new DmaOwner("vmm"));
    group.releaseDmaOwner();
  }

  @Test // CORE-047, CORE-190: in other domains nothing is mapped, but it is noticed
  void otherDomainsOnlyNoticeTheRequirement() {
    rig.boot = BootParameters.NONE.withPassthrough("1");
    assertThat(mapsOf(direct(0x1000, 0x1000))).isEmpty();
    assertThat(rig.dev("a").requireDirect()).isTrue();
    rig.driver.regions.clear();
    rig.group("a").changeDefaultDomain(DefaultDomainRequest.DMA);
    assertThat(rig.dev("a").requireDirect()).as("never cleared").isTrue();
    rig.core().releaseDevice(rig.device("a"));
    rig.core().probeDevice(rig.device("a"));
    assertThat(rig.dev("a").requireDirect()).isFalse();
  }

  @Test // CORE-190, CORE-1015: a DMA domain without page sizes
  void aDmaDomainWithoutPageSizesIsRefusedOnce() {
    rig.driver.pageSizes = 0;
    rig.start();
    assertThat(rig.addFailing("a").errno()).isEqualTo(Errno.EINVAL);
    assertThat(rig.takeViolations()).containsExactly("1015 dma-domain-without-page-size");
    assertThat(rig.addFailing("b").errno()).isEqualTo(Errno.EINVAL);
    assertThat(rig.takeViolations()).isEmpty();
  }

  @Test // CORE-193
  void theFirstErrorStopsAndWhatIsMappedStays() {
    rig.driver.regions.put(
        "a", List.of(direct(0x1000, 0x1000), direct(0x5000, 0x1000), direct(0x9000, 0x1000)));
    List<String> given = new ArrayList<>();
    rig.start();
    rig.hooks.fail("map", Hooks.ANY, 1, Errno.ENOMEM);
    rig.hooks.once("attach", "a", () -> given.add("mapped " + pagesMapped()));
    rig.add("a");
    assertThat(given).containsExactly("mapped 1");
    assertThat(rig.driver.lastDomain().mappedPages()).as("after the retry").isEqualTo(3);
  }

  private int pagesMapped() {
    return rig.driver.lastDomain().mappedPages();
  }

  @Test // CORE-193, CORE-703: the list always goes back
  void theRegionsAlwaysGoBack() {
    List<String> freed = new ArrayList<>();
    rig.driver.regions.put(
        "a", List.of(direct(0x1000, 0x1000).withFree(device -> freed.add("free " + device))));
    rig.start();
    rig.hooks.fail("map", Hooks.ANY, Errno.ENOMEM);
    rig.add("a");
    assertThat(freed).containsExactly("free a", "free a");
    assertThat(rig.journal.starting("?resv")).hasSize(2);
  }

  @Test // CORE-190: a driver without the operation has no regions
  void driversWithoutRegions() {
    rig.driver.operations.remove(IommuOp.GET_RESV_REGIONS);
    assertThat(mapsOf(direct(0x1000, 0x1000))).isEmpty();
    assertThat(rig.dev("a").requireDirect()).isFalse();
  }

  @Test // CORE-191: the smallest page size is the granule; larger ones are used
  void largePagesAreUsed() {
    rig.driver.pageSizes = 0x201000;
    assertThat(mapsOf(direct(0x20_0000, 0x20_1000)))
        .containsExactly(
            "map D2 0x200000 0x200000 0x200000 x1 prot=3",
            "map D2 0x400000 0x400000 0x1000 x1 prot=3");
  }

  @Test // CORE-192: a driver that cannot translate gets every page mapped
  void withoutTranslationNothingIsSkipped() {
    rig.driver.domainOperations.remove(DomainOp.IOVA_TO_PHYS);
    assertThat(mapsOf(direct(0x1000, 0x2000)))
        .containsExactly("map D2 0x1000 0x1000 0x1000 x2 prot=3");
  }
}
