package org.iommu4j.fake;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.spi.DeviceGroups;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.DomainOps;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/**
 * A driver for no hardware at all. Everything about it is a public field that a test sets before it
 * registers an instance; unless told otherwise it has paging and static identity and blocked
 * domains and puts every device into a group of its own.
 */
public final class FakeDriver implements IommuOps {
  /** Which operations it declares. */
  public final Set<IommuOp> operations =
      EnumSet.of(
          IommuOp.RELEASE_DEVICE,
          IommuOp.PROBE_FINALIZE,
          IommuOp.DEF_DOMAIN_TYPE,
          IommuOp.GET_RESV_REGIONS,
          IommuOp.CAPABLE,
          IommuOp.OF_XLATE,
          IommuOp.DOMAIN_ALLOC_PAGING);

  /** Which operations its paging domains declare. */
  public final Set<DomainOp> domainOperations =
      EnumSet.of(
          DomainOp.ATTACH_DEV,
          DomainOp.SET_DEV_PASID,
          DomainOp.FREE,
          DomainOp.MAP_PAGES,
          DomainOp.IOVA_TO_PHYS);

  /** The page sizes of its paging domains. */
  public long pageSizes = 0x1000;

  /** The geometry of its paging domains. */
  public DomainGeometry geometry = DomainGeometry.FULL;

  /** Its static domains. */
  public @Nullable FakeStatic identity;

  /** Its static blocking domain. */
  public @Nullable FakeStatic blocked;

  /** The domain devices are put on before they are released. */
  public @Nullable FakeStatic release;

  /** The only default domain it supports. */
  public @Nullable FakeStatic defaultDomain;

  /** What devices wish, by name. */
  public final Map<String, DomainType> wishes = new HashMap<>();

  /** Devices whose attach is deferred, by name; effective with the operation declared. */
  public final Set<String> deferred = new HashSet<>();

  /** Reserved regions, by device name. */
  public final Map<String, List<ResvRegion>> regions = new HashMap<>();

  /** What it can do. */
  public final Set<Capability> capabilities = EnumSet.of(Capability.DEFERRED_FLUSH);

  /** The group a device shares with others, by device name; its own name if absent. */
  public final Map<String, String> keys = new HashMap<>();

  /** Chooses groups in place of {@link #keys}. */
  public @Nullable BiFunction<DevIommu, DeviceGroups, @Nullable IommuGroup> grouping;

  /** Devices it does not want, by name. */
  public final Set<String> refused = new HashSet<>();

  /** Every paging domain it made, in order. */
  public final List<FakeDomain> domains = new ArrayList<>();

  /** Its instances; a device goes to the one that firmware names, else to the first. */
  public final List<IommuDevice> instances = new ArrayList<>();

  private final Map<String, IommuGroup> groupsByKey = new HashMap<>();
  private final Witness witness;
  private final String name;

  FakeDriver(Witness witness, String name) {
    this.witness = witness;
    this.name = name;
    this.identity = new FakeStatic(witness, StaticDomain.Kind.IDENTITY);
    this.blocked = new FakeStatic(witness, StaticDomain.Kind.BLOCKED);
  }

  /** A further static domain. */
  public FakeStatic newStatic(StaticDomain.Kind kind) {
    return new FakeStatic(witness, kind);
  }

  @Override
  public String name() {
    witness.hooks.enter("name", this);
    return name;
  }

  @Override
  public Set<IommuOp> operations() {
    return witness.call("operations", this, "?operations", "", () -> operations);
  }

  @Override
  public @Nullable StaticDomain identityDomain() {
    witness.hooks.enter("identity_domain", this);
    return identity;
  }

  @Override
  public @Nullable StaticDomain blockedDomain() {
    return blocked;
  }

  @Override
  public @Nullable StaticDomain releaseDomain() {
    return release;
  }

  @Override
  public @Nullable StaticDomain defaultDomain() {
    return defaultDomain;
  }

  @Override
  public IommuDevice probeDevice(DevIommu device) {
    return witness.call(
        "probe_device", device, "probe_device " + device, "", () -> instanceFor(device));
  }

  private IommuDevice instanceFor(DevIommu device) {
    if (refused.contains(device.toString())) {
      throw new IommuException(Errno.ENODEV, "not mine: " + device);
    }
    var fwspec = device.fwspec();
    for (IommuDevice instance : instances) {
      if (fwspec != null && instance.firmwareNode() == fwspec.node()) {
        return instance;
      }
    }
    return instances.get(0);
  }

  @Override
  public void releaseDevice(DevIommu device) {
    witness.run("release_device", device, "release_device " + device, () -> {});
  }

  @Override
  public void probeFinalize(DevIommu device) {
    witness.run("probe_finalize", device, "probe_finalize " + device, () -> {});
  }

  @Override
  public @Nullable IommuGroup deviceGroup(DevIommu device, DeviceGroups groups) {
    return witness.<@Nullable IommuGroup>call(
        "device_group", device, "device_group " + device, "", () -> chosen(device, groups));
  }

  private @Nullable IommuGroup chosen(DevIommu device, DeviceGroups groups) {
    if (grouping != null) {
      return grouping.apply(device, groups);
    }
    String key = keys.getOrDefault(device.toString(), device.toString());
    IommuGroup known = groupsByKey.get(key);
    if (known != null) {
      try {
        return known.ref();
      } catch (IommuException gone) {
        // A group that has died meanwhile: make a new one.
        groupsByKey.remove(key);
      }
    }
    IommuGroup made = groups.generic();
    groupsByKey.put(key, made);
    return made;
  }

  @Override
  public @Nullable DomainType defDomainType(DevIommu device) {
    return witness.<@Nullable DomainType>call(
        "def_domain_type",
        device,
        "?def_domain_type " + device,
        "",
        () -> wishes.get(device.toString()));
  }

  @Override
  public boolean isAttachDeferred(DevIommu device) {
    return witness.call(
        "is_attach_deferred",
        device,
        "?is_attach_deferred " + device,
        "",
        () -> deferred.contains(device.toString()));
  }

  @Override
  public void resvRegions(DevIommu device, List<ResvRegion> list) {
    witness.run(
        "resv",
        device,
        "?resv " + device,
        () -> list.addAll(regions.getOrDefault(device.toString(), List.of())));
  }

  @Override
  public boolean capable(DevIommu device, Capability capability) {
    return witness.call(
        "capable",
        device,
        "?capable " + device + " " + capability.label(),
        "",
        () -> capabilities.contains(capability));
  }

  @Override
  public void ofXlate(DevIommu device, IommuSpecifier specifier) {
    witness.run(
        "of_xlate",
        device,
        "of_xlate " + device + " " + specifier.args(),
        () -> device.addFwspecIds(specifier.args()));
  }

  @Override
  public @Nullable PagingDomainOps domainAllocPaging(DevIommu device) {
    return witness.<@Nullable PagingDomainOps>call(
        "alloc", device, "alloc_paging " + device, " = ", this::newDomain);
  }

  @Override
  public @Nullable PagingDomainOps domainAllocPagingFlags(DevIommu device, Set<AllocFlag> flags) {
    return witness.<@Nullable PagingDomainOps>call(
        flags.isEmpty() ? "alloc" : "alloc_flags",
        device,
        "alloc_paging_flags " + device + " " + flags,
        " = ",
        this::newDomain);
  }

  @Override
  public @Nullable DomainOps domainAllocIdentity(DevIommu device) {
    return witness.<@Nullable DomainOps>call(
        "alloc_identity", device, "alloc_identity " + device, " = ", this::newDomain);
  }

  private FakeDomain newDomain() {
    FakeDomain made =
        new FakeDomain(witness, EnumSet.copyOf(domainOperations), pageSizes, geometry);
    domains.add(made);
    return made;
  }

  /** The domain made last. */
  public FakeDomain lastDomain() {
    return domains.get(domains.size() - 1);
  }

  @Override
  public String toString() {
    return name;
  }
}
