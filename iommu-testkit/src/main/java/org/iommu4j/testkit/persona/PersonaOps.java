package org.iommu4j.testkit.persona;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.DomainType;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.spi.DeviceGroups;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;

/** What the drivers have in common; each persona overrides where it differs. */
abstract class PersonaOps implements IommuOps {
  private final String name;
  private final PersonaBuilder<?> facts;
  private final StaticDomain identity = new FixedDomain(StaticDomain.Kind.IDENTITY);
  private final StaticDomain blocked = new FixedDomain(StaticDomain.Kind.BLOCKED);
  private @Nullable Persona persona;

  PersonaOps(String name, PersonaBuilder<?> facts) {
    this.name = name;
    this.facts = facts;
  }

  /** Ties driver and instance together, once, before anybody else sees either. */
  final void serves(Persona instance) {
    persona = instance;
  }

  @Override
  public final String name() {
    return name;
  }

  @Override
  public Set<IommuOp> operations() {
    return EnumSet.of(
        IommuOp.RELEASE_DEVICE,
        IommuOp.GET_RESV_REGIONS,
        IommuOp.CAPABLE,
        IommuOp.DOMAIN_ALLOC_PAGING_FLAGS);
  }

  @Override
  public @Nullable StaticDomain identityDomain() {
    return identity;
  }

  @Override
  public @Nullable StaticDomain blockedDomain() {
    return blocked;
  }

  @Override
  public @Nullable StaticDomain releaseDomain() {
    return blocked;
  }

  @Override
  public final IommuDevice probeDevice(DevIommu device) {
    Persona instance = persona;
    if (instance == null || !facts.scope().test(device.device())) {
      throw refusal(Errno.ENODEV, device.device(), "is outside the scope of IOMMU");
    }
    admit(device.device());
    return instance;
  }

  /**
   * Refuses devices that the driver does not want, and takes what it needs for the others.
   *
   * @throws IommuException ENODEV if another IOMMU may want the device
   */
  void admit(Device device) {}

  final IommuException refusal(Errno errno, Device device, String why) {
    return new IommuException(errno, "device " + device + " " + why + " " + persona);
  }

  @Override
  public void releaseDevice(DevIommu device) {
    // Nothing is held for a device.
  }

  @Override
  public final IommuGroup deviceGroup(DevIommu device, DeviceGroups groups) {
    return device.device() instanceof PciDevice ? groups.pci() : groups.generic();
  }

  @Override
  public @Nullable DomainType defDomainType(DevIommu device) {
    return null;
  }

  @Override
  public boolean isAttachDeferred(DevIommu device) {
    return false;
  }

  @Override
  public void probeFinalize(DevIommu device) {
    // The device was complete before.
  }

  @Override
  public void ofXlate(DevIommu device, IommuSpecifier specifier) {
    device.addFwspecIds(specifier.args());
  }

  @Override
  public final void resvRegions(DevIommu device, List<ResvRegion> regions) {
    regions.addAll(facts.firmwareRegions().apply(device.device()));
    addDriverRegions(device.device(), regions);
  }

  /** Appends the regions that the driver itself knows of. */
  abstract void addDriverRegions(Device device, List<ResvRegion> regions);

  final int classCode(Device device) {
    return device instanceof PciDevice pci ? facts.classCodes().applyAsInt(pci) : 0;
  }

  @Override
  public boolean capable(DevIommu device, Capability capability) {
    return false;
  }

  @Override
  public final PagingDomainOps domainAllocPaging(DevIommu device) {
    return domainAllocPagingFlags(device, Set.of());
  }

  @Override
  public PagingDomainOps domainAllocPagingFlags(DevIommu device, Set<AllocFlag> flags) {
    checkFlags(device, flags);
    return new PersonaDomain(pageSizes(flags), geometry(flags), enforcesCoherency());
  }

  /**
   * Looks at wishes for a domain.
   *
   * @throws IommuException EOPNOTSUPP if they cannot be met
   */
  void checkFlags(DevIommu device, Set<AllocFlag> flags) {}

  static IommuException unsupported(DevIommu device, Set<AllocFlag> flags) {
    return new IommuException(
        Errno.EOPNOTSUPP, "no domain for device " + device + " can have " + flags);
  }

  abstract long pageSizes(Set<AllocFlag> flags);

  abstract DomainGeometry geometry(Set<AllocFlag> flags);

  boolean enforcesCoherency() {
    return false;
  }
}
