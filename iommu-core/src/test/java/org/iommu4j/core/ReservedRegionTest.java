package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.refused;

import java.util.ArrayList;
import java.util.List;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PlatformDevice;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.IommuOp;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Reserved regions of devices and groups. */
final class ReservedRegionTest {
  @RegisterExtension final Rig rig = new Rig();

  @Test // CORE-700
  void typesHaveAnOrder() {
    assertThat(ResvType.values())
        .containsExactly(
            ResvType.DIRECT,
            ResvType.DIRECT_RELAXABLE,
            ResvType.RESERVED,
            ResvType.MSI,
            ResvType.SW_MSI);
  }

  @Test // CORE-701, CORE-803
  void aRegionKeepsWhatItIsGivenAndPrintsAsSysfs() {
    ResvRegion region = ResvRegion.of(0xfee0_0000L, 0x10_0000, 2, ResvType.MSI);
    assertThat(region).hasToString("0x00000000fee00000 0x00000000feefffff msi");
    assertThat(ResvRegion.of(0, 0, 0, ResvType.RESERVED).length()).isZero();
    assertThat(List.of(ResvType.values()).stream().map(ResvType::sysfsName))
        .containsExactly("direct", "direct-relaxable", "reserved", "msi", "msi");
    region.release(PlatformDevice.builder("d").build());
  }

  @Test // CORE-702
  void aDevicesRegionsAreTheDriversList() {
    rig.driver.regions.put(
        "a",
        List.of(
            ResvRegion.of(0x9000, 0x1000, 3, ResvType.RESERVED),
            ResvRegion.of(0x1000, 0x1000, 3, ResvType.DIRECT)));
    rig.start();
    rig.add("a");
    assertThat(rig.core().reservedRegions(rig.device("a")))
        .as("neither sorted nor merged")
        .extracting(ResvRegion::start)
        .containsExactly(0x9000L, 0x1000L);
    assertThat(rig.dev("a").reservedRegions()).hasSize(2);
    refused(Errno.ENODEV, () -> rig.core().reservedRegions(rig.device("b")));
  }

  @Test // CORE-702: a driver without the operation
  void aDriverWithoutRegions() {
    rig.driver.operations.remove(IommuOp.GET_RESV_REGIONS);
    rig.start();
    rig.add("a");
    assertThat(rig.dev("a").reservedRegions()).isEmpty();
  }

  @Test // CORE-703
  void regionsGoBackThroughTheirOwnCallback() {
    List<String> freed = new ArrayList<>();
    ResvRegion region =
        ResvRegion.of(0x1000, 0x1000, 3, ResvType.RESERVED)
            .withFree(device -> freed.add("free for " + device));
    region.release(rig.device("a"));
    assertThat(freed).containsExactly("free for a");
  }

  @Test // CORE-704, CORE-705, CORE-706
  void aGroupsRegionsAreMergedCopies() {
    List<String> freed = new ArrayList<>();
    rig.driver.regions.put(
        "a",
        List.of(
            ResvRegion.of(0x2000, 0x1000, 3, ResvType.RESERVED)
                .withFree(device -> freed.add("free for " + device))));
    rig.driver.regions.put("b", List.of(ResvRegion.of(0x1000, 0x1000, 3, ResvType.RESERVED)));
    IommuGroup group = rig.startWithGroup("a", "b");
    freed.clear();
    rig.showLocks();
    List<ResvRegion> merged = group.reservedRegions();
    assertThat(merged).hasSize(1);
    assertThat(merged.get(0)).hasToString("0x0000000000001000 0x0000000000002fff reserved");
    assertThat(freed).containsExactly("free for a");
    merged.get(0).release(rig.device("a"));
    assertThat(freed).hasSize(1);
    assertThat(rig.journal.all()).containsExactly("?resv a @G", "?resv b @G");
  }

  @Test // CORE-704, CORE-804: an empty group and a plain one
  void groupsWithoutApiMembersHaveNone() {
    IommuGroup plain = rig.core().allocGroup();
    assertThat(plain.reservedRegions()).isEmpty();
    rig.core().addToGroup(plain, rig.device("p"));
    assertThat(plain.reservedRegions()).isEmpty();
    rig.core().removeFromGroup(rig.device("p"));
  }

  @Test // CORE-711: keeping consumers out of them is the consumer's job
  void theCoreDoesNotKeepConsumersOut() {
    rig.driver.regions.put("a", List.of(ResvRegion.of(0x1000, 0x1000, 3, ResvType.RESERVED)));
    rig.start();
    rig.add("a");
    var domain = rig.domain("a");
    rig.group("a").attach(domain);
    domain.map(0x1000, 0x8000, 0x1000, 3);
    rig.group("a").detach(domain);
    domain.close();
  }
}
