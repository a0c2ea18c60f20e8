package org.iommu4j.tests.concurrency;

import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.core.IommuCore;
import org.iommu4j.spi.DeviceGroups;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.DomainOps;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/**
 * An IOMMU whose driver keeps books and checks at every callback that the core keeps its side:
 * locks as table 1 of the specification says, nobody else inside the same group, only devices that
 * are probed and domains that live, and the old domain where the device really is. Thread-safe.
 */
final class SoakIommu implements IommuDevice, IommuOps {
  private static final long PAGE = 0x1000;

  private final String name;
  private final @Nullable FirmwareNode node;

  /** The group of each device that this IOMMU serves. */
  private final Map<Device, SoakGroup> groupOf;

  private final SoakFaults faults;
  private final AtomicReference<@Nullable IommuCore> core = new AtomicReference<>();
  private final Map<DevIommu, Optional<Domain>> places = new ConcurrentHashMap<>();
  private final Set<DomainOps> living = ConcurrentHashMap.newKeySet();
  private final ConcurrentLinkedQueue<String> complaints = new ConcurrentLinkedQueue<>();
  private final StaticDomain identity = new Fixed(StaticDomain.Kind.IDENTITY);
  private final StaticDomain blocked = new Fixed(StaticDomain.Kind.BLOCKED);

  SoakIommu(
      String name, @Nullable FirmwareNode node, Map<Device, SoakGroup> groupOf, SoakFaults faults) {
    this.name = name;
    this.node = node;
    this.groupOf = Map.copyOf(groupOf);
    this.faults = faults;
  }

  void serve(IommuCore machine) {
    core.set(machine);
  }

  // ---- books ----

  /** What the core did against the contract. */
  List<String> complaints() {
    return List.copyOf(complaints);
  }

  /** Where a device was last told to point; null if nowhere or not probed. */
  @Nullable Domain place(DevIommu device) {
    return places.getOrDefault(device, Optional.empty()).orElse(null);
  }

  /** How many devices are probed and not released. */
  int probedDevices() {
    return places.size();
  }

  /** How many domains were made and not freed. */
  int livingDomains() {
    return living.size();
  }

  private void complain(String format, @Nullable Object... operands) {
    complaints.add(name + ": " + String.format(format, operands));
  }

  private void requireLocks(String callback, boolean probe, boolean group) {
    var held = Objects.requireNonNull(core.get()).lockContext();
    if ((probe && !held.probe()) || held.group() != group) {
      complain("%s under %s", callback, held);
    }
  }

  // ---- the driver ----

  @Override
  public String name() {
    return name;
  }

  @Override
  public IommuOps ops() {
    return this;
  }

  @Override
  public @Nullable FirmwareNode firmwareNode() {
    return node;
  }

  @Override
  public Set<IommuOp> operations() {
    return EnumSet.of(
        IommuOp.DOMAIN_ALLOC_PAGING,
        IommuOp.RELEASE_DEVICE,
        IommuOp.PROBE_FINALIZE,
        IommuOp.CAPABLE,
        IommuOp.OF_XLATE);
  }

  @Override
  public StaticDomain identityDomain() {
    return identity;
  }

  @Override
  public StaticDomain blockedDomain() {
    return blocked;
  }

  @Override
  public boolean capable(DevIommu device, Capability capability) {
    return true;
  }

  @Override
  public void ofXlate(DevIommu device, IommuSpecifier specifier) {
    requireLocks("of_xlate", true, false);
  }

  @Override
  public IommuDevice probeDevice(DevIommu device) {
    requireLocks("probe_device", true, false);
    if (!groupOf.containsKey(device.device())) {
      throw new IommuException(Errno.ENODEV, name + " does not serve " + device);
    }
    if (places.put(device, Optional.empty()) != null) {
      complain("%s was probed twice", device);
    }
    return this;
  }

  @Override
  public void probeFinalize(DevIommu device) {
    requireLocks("probe_finalize", false, false);
  }

  @Override
  public void releaseDevice(DevIommu device) {
    if (places.remove(device) == null) {
      complain("%s was released, but not probed", device);
    }
  }

  @Override
  public IommuGroup deviceGroup(DevIommu device, DeviceGroups groups) {
    requireLocks("device_group", true, false);
    for (Device sibling : Objects.requireNonNull(groupOf.get(device.device())).devices()) {
      Optional<IommuGroup> existing = groups.of(sibling);
      if (existing.isPresent()) {
        return existing.get();
      }
    }
    return groups.generic();
  }

  @Override
  public PagingDomainOps domainAllocPaging(DevIommu device) {
    if (!places.containsKey(device)) {
      complain("a domain was made for %s, which is not probed", device);
    }
    Paging made = new Paging();
    living.add(made);
    return made;
  }

  /** Every attach of every domain passes here. */
  private void attach(DomainOps ops, Domain self, DevIommu device, @Nullable Domain old) {
    requireLocks("attach_dev", false, true);
    AtomicBoolean busy = Objects.requireNonNull(groupOf.get(device.device())).busy();
    if (!busy.compareAndSet(false, true)) {
      complain("two threads at once in the group of %s", device);
    }
    try {
      // The window in which a second thread would show itself.
      Thread.onSpinWait();
      attachAlone(ops, self, device, old);
    } finally {
      busy.set(false);
    }
  }

  private void attachAlone(DomainOps ops, Domain self, DevIommu device, @Nullable Domain old) {
    Optional<Domain> before = places.get(device);
    if (before == null) {
      complain("%s was attached to %s, but is not probed", device, self);
      return;
    }
    if (ops instanceof Paging && !living.contains(ops)) {
      complain("%s was attached to %s, which was freed", device, self);
    }
    if (!faults.possible() && before.orElse(null) != old) {
      complain("%s is on %s, not on %s as the core says", device, before, old);
    }
    faults.maybeFail(device.device());
    places.put(device, Optional.of(self));
  }

  private final class Fixed implements StaticDomain {
    private final Kind kind;

    Fixed(Kind kind) {
      this.kind = kind;
    }

    @Override
    public Kind kind() {
      return kind;
    }

    @Override
    public Set<DomainOp> operations() {
      return EnumSet.of(DomainOp.ATTACH_DEV);
    }

    @Override
    public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
      attach(this, self, device, old);
    }
  }

  private final class Paging implements PagingDomainOps {
    private final Map<Long, Long> pages = new ConcurrentSkipListMap<>();

    @Override
    public Set<DomainOp> operations() {
      return EnumSet.of(
          DomainOp.ATTACH_DEV,
          DomainOp.FREE,
          DomainOp.MAP_PAGES,
          DomainOp.IOVA_TO_PHYS,
          DomainOp.IOTLB_SYNC,
          DomainOp.FLUSH_IOTLB_ALL);
    }

    @Override
    public long pageSizes() {
      return PAGE;
    }

    @Override
    public void attachDev(Domain self, DevIommu device, @Nullable Domain old) {
      attach(this, self, device, old);
    }

    @Override
    public void free(Domain self) {
      if (!living.remove(this)) {
        complain("%s was freed twice", self);
      }
      places.forEach(
          (device, place) -> {
            if (!faults.possible() && place.orElse(null) == self) {
              complain("%s was freed with %s on it", self, device);
            }
          });
    }

    private void requireLiving(String callback) {
      if (!living.contains(this)) {
        complain("%s on a domain that was freed", callback);
      }
    }

    @Override
    public long mapPages(long iova, long paddr, long pageSize, long pageCount, int prot) {
      requireLiving("map_pages");
      for (long done = 0; done < pageCount; done++) {
        if (pages.putIfAbsent(iova + done * PAGE, paddr + done * PAGE) != null) {
          return MapResult.failed(done, Errno.EADDRINUSE);
        }
      }
      return MapResult.mapped(pageCount);
    }

    @Override
    public long unmapPages(long iova, long pageSize, long pageCount, IotlbGather gather) {
      requireLiving("unmap_pages");
      long done = 0;
      while (done < pageCount && pages.remove(iova + done * PAGE) != null) {
        done++;
      }
      if (done != 0) {
        gather.addRange(iova, done * PAGE);
      }
      return done * PAGE;
    }

    @Override
    public long iovaToPhys(long iova) {
      requireLiving("iova_to_phys");
      Long page = pages.get(iova & -PAGE);
      return page == null ? 0 : page + (iova & (PAGE - 1));
    }

    @Override
    public void iotlbSync(IotlbGather gather) {
      requireLiving("iotlb_sync");
    }

    @Override
    public void flushIotlbAll() {
      requireLiving("flush_iotlb_all");
    }
  }
}
