package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.refused;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.fake.FakeDomain;
import org.iommu4j.fake.FakeDriver;
import org.iommu4j.fake.FakeInstance;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PagingDomainOps;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.mockito.Mockito;

/** Drivers that answer what cannot be true. */
final class LyingDriverTest {
  private static final long K4 = 0x1000;

  @RegisterExtension final Rig rig = new Rig();

  private PagingDomain domain() {
    rig.start();
    rig.add("a");
    PagingDomain made = rig.domain("a");
    rig.journal.clear();
    return made;
  }

  private FakeDomain table() {
    return rig.driver.lastDomain();
  }

  // ---- maps ----

  @ParameterizedTest // CORE-503
  @ValueSource(longs = {5, 1000, Long.MAX_VALUE >>> 13})
  void aDriverThatMapsMoreThanAsked(long pages) {
    PagingDomain domain = domain();
    table().mapAnswer = (iova, paddr, size, count) -> MapResult.mapped(pages);
    assertThat(refused(Errno.EIO, () -> domain.map(0x1_0000, 0x2000, 4 * K4, 3)))
        .hasMessageContaining("0x10000");
    assertThat(rig.takeViolations()).containsExactly("0 driver-mapped-too-much");
    assertThat(rig.takeCalls())
        .as("exactly what was asked is undone")
        .containsExactly("map D2 0x10000 0x2000 0x1000 x4 prot=3", "unmap D2 0x10000 0x1000 x4");
    domain.close();
  }

  @Test // CORE-503: an errno in the C manner is a lie about progress
  void anErrnoInTheCManner() {
    PagingDomain domain = domain();
    table().mapAnswer = (iova, paddr, size, count) -> -Errno.ENOMEM.number();
    refused(Errno.EIO, () -> domain.map(0x1000, 0x2000, K4, 3));
    assertThat(rig.takeViolations()).hasSize(1);
    domain.close();
  }

  @Test // CORE-503: zero progress without an error would loop for ever
  void aDriverThatMakesNoProgress() {
    PagingDomain domain = domain();
    List<Long> answers = new ArrayList<>(List.of(2L, 0L));
    table().mapAnswer = (iova, paddr, size, count) -> MapResult.mapped(answers.remove(0));
    refused(Errno.EIO, () -> domain.map(0x1000, 0x2000, 4 * K4, 3));
    assertThat(rig.takeViolations()).containsExactly("0 driver-made-no-progress");
    assertThat(rig.journal.starting("unmap")).containsExactly("unmap D2 0x1000 0x1000 x2");
    domain.close();
  }

  @Test // CORE-503: an error that does not exist
  void aDriverWithAnUnknownErrno() {
    PagingDomain domain = domain();
    table().mapAnswer = (iova, paddr, size, count) -> Long.MIN_VALUE | 1L << 12 | 4000;
    refused(Errno.EIO, () -> domain.map(0x1000, 0x2000, 2 * K4, 3));
    assertThat(rig.takeViolations()).hasSize(1);
    assertThat(rig.journal.starting("unmap")).containsExactly("unmap D2 0x1000 0x1000 x1");
    table().mapAnswer = (iova, paddr, size, count) -> Long.MIN_VALUE;
    refused(Errno.EIO, () -> domain.map(0x1000, 0x2000, 2 * K4, 3));
    assertThat(rig.takeViolations()).hasSize(1);
    domain.close();
  }

  @ParameterizedTest // CORE-501
  @CsvSource({"0,no-progress", "2,stopped-short", "5,mapped-too-much"})
  void aWholeRangeThatIsNotWhole(long pages, String token) {
    rig.driver.domainOperations.remove(DomainOp.MAP_PAGES);
    rig.driver.domainOperations.add(DomainOp.MAP_RANGE);
    PagingDomain domain = domain();
    table().mapAnswer = (iova, paddr, size, count) -> MapResult.mapped(pages);
    refused(Errno.EIO, () -> domain.map(0x1000, 0x2000, 4 * K4, 3));
    assertThat(rig.takeViolations()).singleElement().asString().contains(token);
    domain.close();
  }

  // ---- unmaps ----

  @ParameterizedTest // CORE-533
  @ValueSource(longs = {1, 0x800, 0x1800, -1, -0x800})
  void anUnmapOfAPartOfAPage(long answer) {
    PagingDomain domain = domain();
    table().unmapAnswer = (iova, size, count) -> answer;
    assertThat(domain.unmap(0x1000, 2 * K4)).isZero();
    assertThat(rig.takeViolations()).containsExactly("0 driver-unmapped-nonsense");
    domain.close();
  }

  @Test // CORE-533: beyond the end of the address space
  void anUnmapBeyondTheAddressSpace() {
    PagingDomain domain = domain();
    table().unmapAnswer = (iova, size, count) -> 4 * K4;
    assertThat(domain.unmap(-2 * K4, 2 * K4)).isZero();
    assertThat(rig.takeViolations()).containsExactly("0 driver-unmapped-nonsense");
    domain.close();
  }

  @Test // CORE-533: a larger page may have been there, so more than asked is believed
  void anUnmapOfMoreThanAskedIsBelieved() {
    PagingDomain domain = domain();
    table().unmapAnswer = (iova, size, count) -> 16 * K4;
    IotlbGather gather = new IotlbGather();
    assertThat(domain.unmapFast(0x1000, K4, gather)).isEqualTo(16 * K4);
    assertThat(gather.hasRange()).isTrue();
    domain.close();
  }

  // ---- probes ----

  private void assertProbeUndone(Errno errno, String violation) {
    assertThat(rig.addFailing("x").errno()).isEqualTo(errno);
    assertThat(rig.takeViolations()).containsExactly(violation);
    assertThat(rig.core().deviceOf(rig.device("x"))).isEmpty();
    assertThat(rig.core().group(rig.device("x"))).isEmpty();
    rig.hooks.clear();
    rig.driver.grouping = null;
    rig.core().probeDevice(rig.device("x"));
  }

  @Test // CORE-106
  void aProbeWithoutAnInstance() {
    rig.start();
    rig.hooks.nullNext("probe_device");
    assertProbeUndone(Errno.EIO, "0 driver-returned-null");
    assertThat(rig.env.pins()).isEqualTo(1);
  }

  @ParameterizedTest // CORE-106, CORE-404: an instance that is not registered, or another driver's
  @ValueSource(booleans = {true, false})
  void aProbeWithAForeignInstance(boolean unregistered) {
    rig.start();
    FakeDriver other = rig.newDriver("other");
    FakeInstance stray =
        new FakeInstance("stray", unregistered ? rig.driver : other, new FirmwareNode("stray"));
    if (!unregistered) {
      other.instances.add(stray);
      rig.core().register(stray);
    }
    rig.driver.instances.add(0, stray);
    assertThat(rig.addFailing("x").errno()).isEqualTo(Errno.EIO);
    assertThat(rig.takeViolations()).containsExactly("0 driver-returned-foreign-instance");
    rig.driver.instances.remove(stray);
    rig.core().probeDevice(rig.device("x"));
  }

  @Test // CORE-108, CORE-133: a group of another core
  void aGroupOfAnotherCore() {
    Rig other = new Rig();
    IommuGroup foreign = other.core().allocGroup();
    rig.start();
    rig.driver.grouping = (device, groups) -> foreign;
    assertProbeUndone(Errno.EIO, "0 driver-returned-foreign-group");
    assertThat(foreign.snapshot().references()).isEqualTo(1);
    other.core().closeForced();
  }

  @Test // CORE-108, CORE-133: a group of the driver's own making
  void aGroupOfNoCore() {
    IommuGroup mocked = Mockito.mock(IommuGroup.class);
    rig.start();
    rig.driver.grouping = (device, groups) -> mocked;
    assertProbeUndone(Errno.EIO, "0 driver-returned-foreign-group");
  }

  @Test // CORE-023, CORE-108: a group that has ended
  void aDeadGroup() {
    rig.start();
    IommuGroup dead = rig.core().allocGroup();
    dead.put();
    rig.driver.grouping = (device, groups) -> dead;
    assertProbeUndone(Errno.EIO, "0 driver-returned-foreign-group");
  }

  @Test // CORE-026, CORE-108: a group without the reference that comes with it
  void aGroupWithoutItsReference() {
    rig.start();
    rig.add("a");
    IommuGroup group = rig.group("a");
    rig.driver.grouping = (device, groups) -> group;
    assertProbeUndone(Errno.EIO, "0 driver-returned-no-reference");
    assertThat(group.snapshot().members()).hasSize(1);
    assertThat(group.snapshot().references()).isEqualTo(1);
  }

  @Test // CORE-621: a device is never in two groups
  void aDeviceThatIsAddedToAnotherGroupMeanwhile() {
    rig.start();
    IommuGroup plain = rig.core().allocGroup();
    rig.driver.grouping =
        (device, groups) -> {
          rig.core().addToGroup(plain, device.device());
          return groups.generic();
        };
    assertThat(rig.addFailing("x").errno()).isEqualTo(Errno.EBUSY);
    assertThat(rig.core().groups()).containsExactly(plain);
    assertThat(plain.snapshot().members()).hasSize(1);
    assertThat(rig.env.pins()).isZero();
    rig.core().removeDevice(rig.device("x"));
    assertThat(plain.snapshot().members()).isEmpty();
    plain.put();
  }

  // ---- descriptions ----

  /** A driver all of whose answers can be mocked. */
  private static IommuOps ops() {
    IommuOps ops = Mockito.mock(IommuOps.class);
    Mockito.when(ops.name()).thenReturn("mocked");
    Mockito.when(ops.operations()).thenReturn(EnumSet.noneOf(IommuOp.class));
    return ops;
  }

  private void assertNotRegistered(IommuDevice instance) {
    refused(Errno.EIO, () -> rig.core().register(instance));
    assertThat(rig.takeViolations()).containsExactly("0 driver-exception");
    assertThat(rig.core().instances()).isEmpty();
  }

  @Test // CORE-052, CORE-1010
  void driversThatDescribeThemselvesAsNull() {
    IommuOps nameless = ops();
    Mockito.when(nameless.name()).thenReturn(Rig.nothing());
    assertNotRegistered(new FakeInstance("i1", nameless, null));
    IommuOps incapable = ops();
    Mockito.when(incapable.operations()).thenReturn(Rig.nothing());
    assertNotRegistered(new FakeInstance("i2", incapable, null));
    Set<IommuOp> holed = new java.util.HashSet<>();
    holed.add(Rig.nothing());
    IommuOps odd = ops();
    Mockito.when(odd.operations()).thenReturn(holed);
    assertNotRegistered(new FakeInstance("i3", odd, null));
    assertNotRegistered(new FakeInstance("i4", Rig.nothing(), null));
  }

  @Test // CORE-166, CORE-167
  void domainsThatDescribeThemselvesAsNull() {
    rig.start();
    rig.add("a");
    PagingDomainOps plain = Mockito.mock(PagingDomainOps.class);
    Mockito.when(plain.operations()).thenReturn(EnumSet.noneOf(DomainOp.class));
    Mockito.when(plain.geometry()).thenReturn(DomainGeometry.FULL);
    PagingDomainOps shapeless = Mockito.mock(PagingDomainOps.class);
    Mockito.when(shapeless.operations()).thenReturn(EnumSet.noneOf(DomainOp.class));
    PagingDomainOps incapable = Mockito.mock(PagingDomainOps.class);
    Mockito.when(incapable.operations()).thenReturn(Rig.nothing());
    FakeDriver spied = Mockito.spy(rig.driver);
    FakeInstance instance = new FakeInstance("i1", spied, new FirmwareNode("n"));
    List<PagingDomainOps> answers = new ArrayList<>(List.of(shapeless, incapable, plain));
    Mockito.doAnswer(call -> answers.remove(0))
        .when(spied)
        .domainAllocPaging(Mockito.any(DevIommu.class));
    rig.driver.instances.add(0, instance);
    rig.core().unregister(rig.iommu);
    FakeInstance nodeless = new FakeInstance("i2", spied, null);
    rig.driver.instances.set(0, nodeless);
    rig.boot = rig.boot.withPassthrough("1");
    rig.core().setDefaultPassthrough(false);
    rig.core().register(nodeless);
    refused(Errno.EIO, () -> rig.core().allocPagingDomain(rig.device("a")));
    refused(Errno.EIO, () -> rig.core().allocPagingDomain(rig.device("a")));
    assertThat(rig.takeViolations()).containsExactly("0 driver-exception", "0 driver-exception");
    PagingDomain domain = rig.core().allocPagingDomain(rig.device("a"));
    refused(Errno.EINVAL, () -> domain.map(0x1000, 0x1000, K4, 3));
    assertThat(rig.takeViolations()).containsExactly("1024 map-bad-domain");
    domain.close();
  }

  @Test // CORE-610, CORE-446: a driver that cannot block what it attached
  void aPasidThatCannotBeBlockedAnyMore() {
    rig.pci("a", builder -> builder.pasidLimit(4));
    rig.driver.blocked = null;
    rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    rig.dev("a").detachPasid(domain, 1);
    assertThat(rig.takeViolations()).containsExactly("0 pasid-cannot-be-blocked");
    domain.close();
  }

  @Test // CORE-070: no verdict
  void anEnvironmentWithoutAVerdict() {
    rig.env.verdict = Rig.nothing();
    refused(Errno.EIO, () -> rig.core().initFwspec(rig.device("x"), new FirmwareNode("nobody")));
    assertThat(rig.takeViolations()).containsExactly("0 driver-exception");
  }

  @Test // CORE-426, CORE-225: a driver that leaves a device on a domain that goes away
  void aDomainThatIsGivenUpIsFreedAllTheSame() {
    IommuGroup group = rig.startWithGroup("a", "b");
    rig.hooks.fail("attach", "b", Errno.ENOMEM);
    rig.hooks.fail("attach", "a", 1, Errno.EIO);
    refused(Errno.ENOMEM, () -> group.changeDefaultDomain(DefaultDomainRequest.IDENTITY));
    assertThat(rig.takeViolations()).containsExactly("1020 rollback-failed");
    assertThat(group.snapshot().currentDomain()).isSameAs(group.defaultDomain());
  }
}
