package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.refused;

import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.StaticDomain;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What the attribute files of a group read. */
final class AttributeTest {
  @RegisterExtension final Rig rig = new Rig();

  @Test // CORE-805
  void typeReadsTheDefaultDomainAndNotTheCurrentOne() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    assertThat(group.typeText()).isEqualTo("DMA");
    assertThat(group.snapshot().typeText()).isEqualTo("DMA");
    group.detach(domain);
    group.claimDmaOwner(new DmaOwner("vmm"));
    assertThat(group.typeText()).isEqualTo("DMA");
    group.releaseDmaOwner();
    domain.close();
  }

  @Test // CORE-805
  void eachTypeHasItsText() {
    assertThat(DomainType.BLOCKED.sysfsName()).isEqualTo("blocked");
    assertThat(DomainType.IDENTITY.sysfsName()).isEqualTo("identity");
    assertThat(DomainType.UNMANAGED.sysfsName()).isEqualTo("unmanaged");
    assertThat(DomainType.DMA.sysfsName()).isEqualTo("DMA");
    assertThat(DomainType.DMA_FQ.sysfsName()).isEqualTo("DMA-FQ");
    assertThat(DomainType.PLATFORM.sysfsName()).isEqualTo("unknown");
    assertThat(DomainType.SVA.sysfsName()).isEqualTo("unknown");
    assertThat(DomainType.NESTED.sysfsName()).isEqualTo("unknown");
  }

  @Test // CORE-805: platform and missing default domains
  void platformAndMissingDefaultsReadUnknown() {
    rig.driver.defaultDomain = rig.driver.newStatic(StaticDomain.Kind.PLATFORM);
    IommuGroup group = rig.startWithGroup("a");
    assertThat(group.typeText()).isEqualTo("unknown");
    assertThat(rig.core().allocGroup().snapshot().typeText()).isEqualTo("unknown");
  }

  @Test // CORE-805: the read takes the group lock
  void readingTheTypeTakesTheLock() {
    IommuGroup group = rig.startWithGroup("a");
    group.<Object>forEachDevice(
        device -> {
          refused(Errno.EDEADLK, group::typeText);
          return null;
        });
  }

  @Test // CORE-806: what can be written and what can be read
  void writtenAndReadTextsDiffer() {
    assertThat(DefaultDomainRequest.parse("auto")).contains(DefaultDomainRequest.AUTO);
    assertThat(DefaultDomainRequest.AUTO.type()).isNull();
    for (String readOnly : new String[] {"blocked", "unmanaged", "unknown"}) {
      assertThat(DefaultDomainRequest.parse(readOnly)).isEmpty();
    }
    for (DefaultDomainRequest request : DefaultDomainRequest.values()) {
      assertThat(DefaultDomainRequest.parse(request.text())).contains(request);
    }
  }

  @Test // CORE-810, CORE-811: links come and go with membership and service
  void linksComeAndGo() {
    rig.start();
    rig.add("a");
    assertThat(rig.journal.starting("env link_"))
        .containsExactly("env link_instance a i0", "env link_member a 0", "env link_in_group 0 a");
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.journal.starting("env unlink_"))
        .containsExactly(
            "env unlink_in_group 0 a", "env unlink_member a 0", "env unlink_instance a i0");
  }

  @Test // CORE-808: everything disappears with the group
  void theDirectoryGoesWithTheGroup() {
    IommuGroup group = rig.core().allocGroup();
    group.setName("named");
    rig.journal.clear();
    group.put();
    assertThat(rig.journal.all()).containsExactly("env unpublish_group 0");
  }
}
