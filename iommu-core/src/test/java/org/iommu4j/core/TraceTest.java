package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Objects;
import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuTracer;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.Violation;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.IommuOp;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.mockito.InOrder;
import org.mockito.Mockito;

/** Trace events and violations. */
final class TraceTest {
  @RegisterExtension final Rig rig = new Rig();

  @Test // CORE-1000: before the member is listed, after it was taken off
  void membersAreTracedAroundTheirListing() {
    IommuGroup group = rig.startWithGroup("a");
    rig.sharing("shared", "b");
    IommuTracer tracer = Mockito.mock(IommuTracer.class);
    rig.core().addTracer(tracer);
    rig.hooks.once(
        "trace.device_added", "b", () -> assertThat(rig.state("a").members()).hasSize(1));
    rig.add("b");
    rig.core().releaseDevice(rig.device("b"));
    InOrder order = Mockito.inOrder(tracer);
    order.verify(tracer).deviceAdded(group, rig.device("b"));
    order.verify(tracer).attached(rig.device("b"), Objects.requireNonNull(group.defaultDomain()));
    order.verify(tracer).deviceRemoved(group, rig.device("b"));
    rig.core().removeTracer(tracer);
    rig.add("c");
    Mockito.verify(tracer, Mockito.never()).deviceAdded(Mockito.any(), Mockito.eq(rig.device("c")));
  }

  @Test // CORE-1001: what is traced as an attach, and what is not
  void everySuccessfulAttachIsTraced() {
    rig.driver.release = rig.driver.blocked;
    rig.driver.operations.add(IommuOp.IS_ATTACH_DEFERRED);
    rig.driver.deferred.add("d");
    rig.pci("a", builder -> builder.ats(true).pasidLimit(4));
    IommuGroup group = rig.startWithGroup("a", "d");
    assertThat(rig.state("a").members().get(1).deferred()).isTrue();
    PagingDomain domain = rig.domain("a");
    rig.journal.clear();
    rig.dev("a").attachPasid(domain, 1, null);
    rig.dev("a").detachPasid(domain, 1);
    assertThat(rig.journal.starting("event attach")).isEmpty();
    rig.core().resetPrepare(rig.device("a"));
    rig.core().resetDone(rig.device("a"));
    assertThat(rig.journal.starting("event attach")).hasSize(2);
    rig.journal.clear();
    rig.hooks.fail("attach", "d", org.iommu4j.api.Errno.EIO);
    Rig.refused(org.iommu4j.api.Errno.EIO, () -> group.attach(domain));
    assertThat(rig.journal.starting("event attach"))
        .as("forth and, by rollback, back")
        .containsExactly("event attach a", "event attach a");
    rig.journal.clear();
    rig.core().releaseDevice(rig.device("a"));
    assertThat(rig.journal.starting("event attach")).as("the release domain").isEmpty();
    domain.close();
  }

  @Test // CORE-1002, CORE-1003: once per call, with the achieved size
  void mapsAndUnmapsAreTracedOncePerCall() {
    rig.driver.pageSizes = 0x20_1000;
    rig.start();
    rig.add("a");
    PagingDomain domain = rig.domain("a");
    rig.journal.clear();
    domain.map(0x1f_f000, 0x3f_f000, 0x20_2000, 3);
    domain.unmap(0x1f_f000, 0x20_2000);
    assertThat(rig.journal.starting("map ")).hasSize(3);
    assertThat(rig.journal.starting("event "))
        .containsExactly(
            "event map 0x1ff000 0x3ff000 0x202000", "event unmap 0x1ff000 0x202000 0x202000");
    domain.close();
  }

  @Test // CORE-1004
  void faultFlags() {
    assertThat(FaultAccess.READ.flags()).isZero();
    assertThat(FaultAccess.WRITE.flags()).isEqualTo(1);
  }

  @Test // CORE-013: countable, and the oldest are kept up to a bound
  void violationsAreCounted() {
    IommuGroup group = rig.startWithGroup("a");
    for (int i = 0; i < 1100; i++) {
      group.releaseDmaOwner();
    }
    assertThat(rig.core().violationCount()).isEqualTo(1100);
    List<Violation> kept = rig.core().violations();
    assertThat(kept).hasSize(1024);
    assertThat(kept.get(0)).hasToString("CORE-1030 release-refused: group 0: Idle[]");
    assertThat(rig.takeViolations()).hasSize(1100);
  }
}
