package org.iommu4j.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.iommu4j.fake.Rig.refused;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Objects;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.Capability;
import org.iommu4j.api.CookieType;
import org.iommu4j.api.DefaultDomainRequest;
import org.iommu4j.api.DirtyBitmap;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FaultAccess;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.fake.Hooks;
import org.iommu4j.fake.Rig;
import org.iommu4j.spi.DirtyOps;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.IommuOp;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Consumers' domains: allocation, cookies, fault handlers, capabilities, quirks, dirty tracking.
 */
final class DomainTest {
  @RegisterExtension final Rig rig = new Rig();

  private PagingDomain defaultDomain() {
    return (PagingDomain) Objects.requireNonNull(rig.group("a").defaultDomain());
  }

  @Test // CORE-460
  void aConsumersDomainIsUnmanagedAndAttachedToNothing() {
    rig.driver.operations.add(IommuOp.DOMAIN_ALLOC_PAGING_FLAGS);
    rig.start();
    rig.add("a");
    rig.showLocks();
    rig.journal.clear();
    PagingDomain plain = rig.core().allocPagingDomain(rig.dev("a"));
    PagingDomain flagged = rig.core().allocPagingDomain(rig.device("a"), AllocFlag.DIRTY);
    assertThat(rig.takeCalls())
        .containsExactly("alloc_paging a = D2 @-", "alloc_paging_flags a [DIRTY] = D3 @-");
    assertThat(plain.type()).isEqualTo(DomainType.UNMANAGED);
    plain.close();
    flagged.close();
    rig.hooks.fail("alloc_flags", "a", Errno.EOPNOTSUPP);
    refused(Errno.EOPNOTSUPP, () -> rig.core().allocPagingDomain(rig.device("a"), AllocFlag.DIRTY));
  }

  @Test // CORE-166, CORE-920
  void aConsumersDomainNeedsAnIommu() {
    refused(Errno.ENODEV, () -> rig.core().allocPagingDomain(rig.device("a")));
  }

  @Test // CORE-461: cookie first, then the driver's side
  void freeingReleasesTheCookieFirst() {
    rig.start();
    rig.add("a");
    PagingDomain domain = rig.domain("a");
    domain.setMsiWindow(0x800_0000);
    rig.journal.clear();
    domain.close();
    assertThat(rig.journal.all()).containsExactly("dma put_msi_cookie D2", "free D2");
    PagingDomain defaultDomain = defaultDomain();
    assertThat(defaultDomain.cookieType()).isEqualTo(CookieType.DMA_IOVA);
    rig.journal.clear();
    rig.group("a").changeDefaultDomain(DefaultDomainRequest.IDENTITY);
    assertThat(rig.journal.all()).containsSubsequence("dma put_cookie D1", "free D1");
  }

  @Test // CORE-461: a domain without the operation
  void freeIsOptional() {
    rig.driver.domainOperations.remove(DomainOp.FREE);
    rig.start();
    rig.add("a");
    PagingDomain domain = rig.domain("a");
    rig.journal.clear();
    domain.close();
    assertThat(rig.journal.all()).isEmpty();
    refused(Errno.EINVAL, domain::close);
  }

  @Test // CORE-462, CORE-464, CORE-465: exactly one cookie, never converted
  void aDomainHasOneCookie() {
    rig.start();
    rig.add("a");
    PagingDomain domain = rig.domain("a");
    assertThat(domain.cookieType()).isEqualTo(CookieType.NONE);
    domain.setMsiWindow(0x1000);
    assertThat(domain.cookieType()).isEqualTo(CookieType.DMA_MSI);
    assertThat(refused(Errno.EEXIST, () -> domain.setMsiWindow(0x2000)))
        .hasMessageContaining("0x2000");
    domain.setFaultHandler((d, device, iova, access) -> null);
    assertThat(rig.takeViolations()).containsExactly("1023 fault-handler-refused");
    assertThat(domain.cookieType()).isEqualTo(CookieType.DMA_MSI);
    domain.close();
    PagingDomain handled = rig.domain("a");
    handled.setFaultHandler((d, device, iova, access) -> null);
    assertThat(handled.cookieType()).isEqualTo(CookieType.FAULT_HANDLER);
    refused(Errno.EEXIST, () -> handled.setMsiWindow(0x1000));
    handled.close();
  }

  @Test // CORE-463: before any direct mapping, only for DMA types
  void dmaCookiesAreForDefaultDomainsOfDmaType() {
    rig.boot = rig.boot.withPassthrough("1");
    IommuGroup group = rig.startWithGroup("a");
    assertThat(rig.journal.starting("dma get_cookie")).isEmpty();
    group.changeDefaultDomain(DefaultDomainRequest.DMA);
    assertThat(rig.journal.starting("dma get_cookie")).hasSize(1);
    PagingDomain consumers = rig.domain("a");
    assertThat(rig.journal.starting("dma get_cookie")).hasSize(1);
    consumers.close();
  }

  @Test // CORE-464: type first, then presence, then memory
  void msiWindowsAreForUnmanagedDomains() {
    rig.start();
    rig.add("a");
    refused(Errno.EINVAL, () -> defaultDomain().setMsiWindow(0x1000));
    refused(Errno.EINVAL, () -> rig.core().setMsiWindow(rig.identity(), 0x1000));
    PagingDomain domain = rig.domain("a");
    rig.hooks.fail("dma.get_msi_cookie", Hooks.ANY, Errno.ENOMEM);
    refused(Errno.ENOMEM, () -> rig.core().setMsiWindow(domain, 0x1000));
    assertThat(domain.cookieType()).isEqualTo(CookieType.NONE);
    rig.core().setMsiWindow(domain, 0x1000);
    assertThat(rig.journal.starting("dma get_msi_cookie")).endsWith("dma get_msi_cookie D2 0x1000");
    domain.close();
  }

  @Test // CORE-465, CORE-1023
  void defaultDomainsCarryNoFaultHandler() {
    rig.start();
    rig.add("a");
    defaultDomain().setFaultHandler((d, device, iova, access) -> null);
    assertThat(rig.takeViolations()).containsExactly("1023 fault-handler-refused");
    rig.core().setFaultHandler(null, (d, device, iova, access) -> null);
    assertThat(rig.takeViolations()).containsExactly("1023 fault-handler-refused");
    assertThat(defaultDomain().reportFault(rig.dev("a"), 0x1000, FaultAccess.READ))
        .isEqualTo(Errno.ENOSYS);
  }

  @Test // CORE-466, CORE-1004
  void faultsGoToTheHandlerAndThenToTheTracer() {
    rig.start();
    rig.add("a");
    PagingDomain domain = rig.domain("a");
    rig.journal.clear();
    assertThat(domain.reportFault(rig.dev("a"), 0xf000, FaultAccess.READ)).isEqualTo(Errno.ENOSYS);
    List<String> seen = new ArrayList<>();
    rig.core()
        .setFaultHandler(
            domain,
            (d, device, iova, access) -> {
              seen.add(
                  d.ops()
                      + " "
                      + device
                      + " 0x"
                      + Long.toHexString(iova)
                      + " "
                      + access
                      + " traced="
                      + rig.journal.starting("event fault").size());
              return access == FaultAccess.WRITE ? Errno.EIO : null;
            });
    assertThat(domain.reportFault(rig.dev("a"), 0x1000, FaultAccess.READ)).isNull();
    assertThat(domain.reportFault(rig.dev("a"), 0x2000, FaultAccess.WRITE)).isEqualTo(Errno.EIO);
    assertThat(seen).containsExactly("D2 a 0x1000 READ traced=1", "D2 a 0x2000 WRITE traced=2");
    assertThat(rig.journal.starting("event fault"))
        .containsExactly(
            "event fault a 0xf000 0", "event fault a 0x1000 0", "event fault a 0x2000 1");
    domain.close();
  }

  @Test // CORE-465, CORE-466: a null handler uses the cookie up and handles nothing
  void aNullHandlerHandlesNothing() {
    rig.start();
    rig.add("a");
    PagingDomain domain = rig.domain("a");
    domain.setFaultHandler(null);
    assertThat(domain.cookieType()).isEqualTo(CookieType.FAULT_HANDLER);
    assertThat(domain.reportFault(rig.dev("a"), 0x1000, FaultAccess.READ)).isEqualTo(Errno.ENOSYS);
    domain.setFaultHandler((d, device, iova, access) -> null);
    assertThat(rig.takeViolations()).containsExactly("1023 fault-handler-refused");
    domain.close();
  }

  @Test // CORE-467
  void doorbellsNeedAPlace() {
    rig.core().prepareMsi(rig.device("groupless"), 0xfee0_0000L);
    IommuGroup group = rig.startWithGroup("a");
    rig.showLocks();
    rig.core().prepareMsi(rig.device("a"), 0xfee0_0000L);
    assertThat(rig.journal.all()).containsExactly("dma prepare_msi a D1 0xfee00000 @G");
    rig.journal.clear();
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    assertThat(
            refused(Errno.EOPNOTSUPP, () -> rig.core().prepareMsi(rig.device("a"), 0xfee0_0000L)))
        .hasMessageContaining("0xfee00000");
    group.detach(domain);
    domain.setMsiWindow(0x800_0000);
    group.attach(domain);
    rig.hooks.fail("dma.prepare_msi", "a", Errno.ENOMEM);
    refused(Errno.ENOMEM, () -> rig.core().prepareMsi(rig.device("a"), 0xfee0_0000L));
    rig.core().prepareMsi(rig.device("a"), 0xfee0_0000L);
    group.detach(domain);
    group.attach(rig.identity());
    rig.journal.clear();
    rig.core().prepareMsi(rig.device("a"), 0xfee0_0000L);
    assertThat(rig.journal.all()).isEmpty();
    group.detach(rig.identity());
    group.attach(rig.blocked());
    refused(Errno.EOPNOTSUPP, () -> rig.core().prepareMsi(rig.device("a"), 0xfee0_0000L));
    group.detach(rig.blocked());
    domain.close();
  }

  @Test // CORE-469
  void capabilitiesAreTheDriversAnswer() {
    assertThat(rig.core().capable(rig.device("a"), Capability.NOEXEC)).isFalse();
    rig.start();
    rig.add("a");
    rig.driver.capabilities.add(Capability.PCI_ATS);
    rig.journal.clear();
    for (Capability capability : Capability.values()) {
      assertThat(rig.core().capable(rig.device("a"), capability))
          .as(capability.label())
          .isEqualTo(rig.driver.capabilities.contains(capability));
      assertThat(rig.dev("a").capable(capability))
          .isEqualTo(rig.driver.capabilities.contains(capability));
    }
    assertThat(rig.journal.all()).hasSize(2 * Capability.values().length);
    assertThat(Capability.values())
        .extracting(Capability::label)
        .containsExactly(
            "cache_coherency",
            "noexec",
            "pre_boot_protection",
            "enforce_cache_coherency",
            "deferred_flush",
            "dirty_tracking",
            "pci_ats");
  }

  @Test // CORE-469: a driver without the operation
  void withoutTheOperationNothingIsPossible() {
    rig.driver.operations.remove(IommuOp.CAPABLE);
    rig.start();
    rig.add("a");
    assertThat(rig.core().capable(rig.device("a"), Capability.DEFERRED_FLUSH)).isFalse();
    IommuGroup plain = rig.core().allocGroup();
    rig.core().addToGroup(plain, rig.device("p"));
    assertThat(rig.core().capable(rig.device("p"), Capability.DEFERRED_FLUSH)).isFalse();
    rig.core().removeFromGroup(rig.device("p"));
  }

  // ---- translation, quirks, coherency, dirty tracking ----

  @Test // CORE-550
  void translationDependsOnTheType() {
    rig.start();
    rig.add("a");
    assertThat(rig.identity().iovaToPhys(0x1234_5678)).isEqualTo(0x1234_5678);
    assertThat(rig.blocked().iovaToPhys(0x1234_5678)).isZero();
    PagingDomain domain = rig.domain("a");
    domain.map(0x1000, 0x7000, 0x1000, 3);
    assertThat(domain.iovaToPhys(0x1abc)).isEqualTo(0x7abc);
    assertThat(domain.iovaToPhys(0x2000)).isZero();
    domain.unmap(0x1000, 0x1000);
    domain.close();
    assertThat(rig.journal.starting("?phys")).hasSize(2);
  }

  @Test // CORE-550: a driver that cannot translate
  void aDriverThatCannotTranslate() {
    rig.driver.domainOperations.remove(DomainOp.IOVA_TO_PHYS);
    rig.start();
    rig.add("a");
    PagingDomain domain = rig.domain("a");
    assertThat(domain.iovaToPhys(0x1000)).isZero();
    domain.close();
  }

  @Test // CORE-551
  void quirksAreForUnmanagedDomainsThatHaveThem() {
    rig.driver.domainOperations.add(DomainOp.SET_PGTABLE_QUIRKS);
    rig.start();
    rig.add("a");
    PagingDomain domain = rig.domain("a");
    rig.journal.clear();
    rig.core().setPgtableQuirks(domain, 0x20);
    assertThat(rig.takeCalls()).containsExactly("quirks D2 0x20");
    rig.hooks.fail("quirks", "D2", Errno.EPERM);
    refused(Errno.EPERM, () -> domain.setPgtableQuirks(0x40));
    assertThat(refused(Errno.EINVAL, () -> defaultDomain().setPgtableQuirks(0x40)))
        .hasMessageContaining("0x40");
    refused(Errno.EINVAL, () -> rig.core().setPgtableQuirks(rig.blocked(), 0x20));
    rig.driver.domainOperations.remove(DomainOp.SET_PGTABLE_QUIRKS);
    PagingDomain without = rig.domain("a");
    refused(Errno.EINVAL, () -> without.setPgtableQuirks(0x20));
    domain.close();
    without.close();
  }

  @Test // CORE-552, CORE-553
  void coherencyIsTheDriversBusiness() {
    rig.start();
    rig.add("a");
    PagingDomain without = rig.domain("a");
    assertThat(without.enforceCacheCoherency()).isFalse();
    rig.driver.domainOperations.add(DomainOp.ENFORCE_CACHE_COHERENCY);
    PagingDomain domain = rig.domain("a");
    rig.journal.clear();
    assertThat(domain.enforceCacheCoherency()).isTrue();
    assertThat(rig.takeCalls()).containsExactly("coherency D3 = true");
    // Refusing to attach an enforcing domain is the driver's: its errno passes through.
    rig.hooks.fail("attach", "a", Errno.EINVAL);
    refused(Errno.EINVAL, () -> rig.group("a").attach(domain));
    without.close();
    domain.close();
  }

  private static final class Tracking implements DirtyOps {
    private final List<String> calls = new ArrayList<>();

    @Override
    public void setDirtyTracking(boolean enable) {
      calls.add("set " + enable);
    }

    @Override
    public void readAndClearDirty(long iova, long size, boolean noClear, DirtyBitmap dirty) {
      calls.add("read 0x" + Long.toHexString(iova) + " " + noClear);
      dirty.record(iova, 0x1000);
    }
  }

  @Test // CORE-555, CORE-556
  void dirtyTrackingIsAPropertyOfTheDomain() {
    rig.start();
    rig.add("a");
    PagingDomain domain = rig.domain("a");
    refused(Errno.EOPNOTSUPP, domain::dirtyTracking);
    Tracking tracking = new Tracking();
    rig.driver.lastDomain().dirtyOps = tracking;
    domain.dirtyTracking().setDirtyTracking(true);
    domain.dirtyTracking().setDirtyTracking(true);
    BitSet bits = new BitSet();
    domain
        .dirtyTracking()
        .readAndClearDirty(0x3000, 0x1000, true, new DirtyBitmap(0, 12, bits, null));
    assertThat(tracking.calls).containsExactly("set true", "set true", "read 0x3000 true");
    assertThat(bits.stream()).containsExactly(3);
    domain.close();
  }

  @Test // CORE-557, CORE-558
  void aDirtyBitmapRecordsBitsAndGathers() {
    BitSet bits = new BitSet();
    IotlbGather gather = new IotlbGather();
    gather.addRange(0x9000, 0x1000);
    DirtyBitmap both = new DirtyBitmap(0x1_0000, 12, bits, gather);
    assertThat(gather.hasRange()).as("a given gather is initialised").isFalse();
    both.record(0x1_1000, 0x2000);
    both.record(0x1_5800, 0x10);
    assertThat(bits.stream()).containsExactly(1, 2, 5);
    assertThat(gather.start()).isEqualTo(0x1_1000);
    assertThat(gather.end()).isEqualTo(0x1_580f);
    new DirtyBitmap(0, 12, null, null).record(0x1000, 0x1000);
  }

  @Test // CORE-560: the core does not enforce the aperture
  void theApertureIsTheConsumersBusiness() {
    rig.driver.geometry = new org.iommu4j.api.DomainGeometry(0x1000, 0xffff, true);
    rig.start();
    rig.add("a");
    PagingDomain domain = rig.domain("a");
    domain.map(0x10_0000, 0x1000, 0x1000, 3);
    assertThat(domain.geometry().apertureEnd()).isEqualTo(0xffff);
    domain.close();
  }

  @Test // CORE-562: map and unmap take no core lock
  void mapAndUnmapTakeNoLock() {
    rig.start();
    rig.add("a");
    PagingDomain domain = rig.domain("a");
    rig.showLocks();
    rig.journal.clear();
    domain.map(0x1000, 0x2000, 0x1000, 3);
    domain.unmap(0x1000, 0x1000);
    assertThat(rig.journal.all()).isNotEmpty().allMatch(line -> line.endsWith(" @-"));
    domain.close();
  }

  @Test // CORE-461: the errno of freeing a domain that is in use
  void aDomainInUseCannotBeFreed() {
    IommuGroup group = rig.startWithGroup("a");
    PagingDomain domain = rig.domain("a");
    group.attach(domain);
    IommuException refusal = rig.refusedUnchanged(Errno.EBUSY, domain::close);
    assertThat(refusal).hasMessageContaining("D2");
    group.detach(domain);
    Domain theDefault = Objects.requireNonNull(group.defaultDomain());
    refused(Errno.EINVAL, () -> rig.core().freeDomain(theDefault));
    rig.core().freeDomain(domain);
    refused(Errno.EINVAL, () -> rig.core().freeDomain(domain));
  }
}
