package org.iommu4j.core.group;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.iommu4j.api.AttachHandle;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Device;
import org.iommu4j.api.DmaOwner;
import org.iommu4j.api.DmaOwnership;
import org.iommu4j.api.Domain;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.Fwspec;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.Mirrors;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.core.domain.CoreDomain;
import org.iommu4j.core.domain.Driver;
import org.iommu4j.core.policy.DomainPolicy;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOp;
import org.jspecify.annotations.Nullable;

/**
 * The IOMMU side of one device.
 *
 * <p>Made and given its driver under the probe lock; from then on flags change under the group
 * lock. They are volatile because the DMA fast path and drivers read them without it.
 */
public final class DevIommuImpl implements DevIommu {
  private final DeviceState state;
  private final GroupServices services;
  private final List<Integer> fwspecIds = new CopyOnWriteArrayList<>();
  private volatile @Nullable FirmwareNode fwspecNode;
  private volatile @Nullable Driver driver;
  private volatile @Nullable IommuDevice instance;
  private volatile @Nullable Object priv;
  private volatile int maxPasids;
  private volatile boolean attachDeferred;
  private volatile boolean requireDirect;
  private volatile boolean shadowOnFlush;
  private volatile boolean dma;
  private volatile boolean pci32bitWorkaround;

  /** The domain the driver last took this device to; changes under the group lock. */
  private @Nullable CoreDomain ridDomain;

  /** Creates the object for a device that firmware or a probe has touched. */
  public DevIommuImpl(DeviceState state, GroupServices services) {
    this.state = state;
    this.services = services;
  }

  /** A driver begins to probe the device. */
  public void setDriver(@Nullable Driver probing) {
    driver = probing;
  }

  /** A driver has taken the device. */
  public void setInstance(IommuDevice serving) {
    instance = serving;
  }

  private boolean isAlive() {
    return state.iommu() == this;
  }

  /** Refuses once the device has been released; a new probe makes a new object. */
  public void requireAlive() {
    if (!isAlive()) {
      throw dead("has been released");
    }
  }

  /** Whether a core with these services made this object. */
  public boolean madeWith(GroupServices others) {
    return services.guard() == others.guard();
  }

  boolean hasDriver() {
    return instance != null;
  }

  /** The driver that has taken, or is probing, the device. */
  @Mirrors("dev_iommu_ops")
  public Driver driver() {
    Driver now = driver;
    if (now == null) {
      throw dead("has no IOMMU driver");
    }
    return now;
  }

  /** The state this belongs to. */
  public DeviceState state() {
    return state;
  }

  /** The group. */
  public GroupImpl groupImpl() {
    GroupImpl group = state.group();
    if (group == null || state.iommu() != this) {
      throw dead("is in no group");
    }
    return group;
  }

  private IommuException dead(String because) {
    return new IommuException(Errno.ENODEV, "device " + state + " " + because);
  }

  /** Sets the PASID limit (CORE-045). */
  public void setMaxPasids(int limit) {
    maxPasids = limit;
  }

  /** Sets whether the first attach waits (CORE-046). */
  public void setAttachDeferred(boolean deferred) {
    attachDeferred = deferred;
  }

  void setRequireDirect() {
    requireDirect = true;
  }

  /** Whether the device does DMA through the DMA layer. */
  boolean dma() {
    return dma;
  }

  void setDma(boolean uses) {
    dma = uses;
  }

  void refresh32bitWorkaround(DomainPolicy policy) {
    if (device() instanceof PciDevice) {
      pci32bitWorkaround = !policy.forcedac();
    }
  }

  /** Whether addresses below 4 GiB are tried first (CORE-048). */
  @Mirrors("dev_iommu.pci_32bit_workaround")
  public boolean pci32bitWorkaround() {
    return pci32bitWorkaround;
  }

  /** Notes that the driver has taken the device to a domain, or that it left all of them. */
  void setRidDomain(@Nullable CoreDomain now) {
    if (now != null) {
      now.use();
    }
    CoreDomain before = ridDomain;
    ridDomain = now;
    if (before != null) {
      before.unuse();
    }
  }

  /** The firmware node, if firmware said anything. */
  public @Nullable FirmwareNode fwspecNode() {
    return fwspecNode;
  }

  /** Stores or clears what firmware says, without ids. */
  @Mirrors({"dev_iommu_fwspec_set", "iommu_fwspec_free"})
  public void setFwspecNode(@Nullable FirmwareNode node) {
    fwspecIds.clear();
    fwspecNode = node;
  }

  @Override
  public Device device() {
    return state.device();
  }

  @Override
  public IommuDevice iommu() {
    IommuDevice serving = instance;
    if (serving == null) {
      throw dead("is served by no IOMMU");
    }
    return serving;
  }

  @Override
  public IommuGroup group() {
    return groupImpl();
  }

  @Override
  public int maxPasids() {
    return maxPasids;
  }

  @Override
  public @Nullable Fwspec fwspec() {
    FirmwareNode node = fwspecNode;
    return node == null ? null : new Fwspec(node, fwspecIds, false);
  }

  @Override
  public void addFwspecIds(List<Integer> ids) {
    if (ids == null || hasNull(ids)) {
      throw new IommuException(Errno.EINVAL, "device " + state + ": null among the ids " + ids);
    }
    if (fwspecNode == null) {
      throw new IommuException(
          Errno.EINVAL, "device " + state + " has no fwspec to take the ids " + ids);
    }
    services.environment().allocate("fwspec ids");
    fwspecIds.addAll(ids);
  }

  private static boolean hasNull(List<@Nullable Integer> ids) {
    for (@Nullable Integer id : ids) {
      if (id == null) {
        return true;
      }
    }
    return false;
  }

  @Override
  public @Nullable Object priv() {
    return priv;
  }

  @Override
  public void setPriv(@Nullable Object data) {
    if (!services.order().holdsProbe()) {
      throw new IommuException(
          Errno.EPERM, "driver data of device " + state + " changes under the probe lock only");
    }
    priv = data;
  }

  @Override
  public @Nullable Domain driverDomain() {
    return groupImplForDriver().driverDomain(this);
  }

  /** The group as callbacks see it: it is still known while the device is being released. */
  private GroupImpl groupImplForDriver() {
    GroupImpl group = state.group();
    if (group == null) {
      throw dead("is in no group");
    }
    return group;
  }

  @Override
  public @Nullable Domain domain() {
    GroupImpl group = isAlive() ? state.group() : null;
    return group == null ? null : group.currentDomain(device());
  }

  @Override
  public boolean capable(Capability capability) {
    if (capability == null) {
      throw new IommuException(Errno.EINVAL, "device " + state + ": the capability is null");
    }
    Driver now = driver;
    return isAlive() && hasDriver() && now != null && now.capable(this, capability);
  }

  @Override
  public List<ResvRegion> reservedRegions() {
    requireAlive();
    Driver now = driver();
    List<ResvRegion> regions = new ArrayList<>();
    if (now.has(IommuOp.GET_RESV_REGIONS)) {
      services
          .guard()
          .contain("get_resv_regions", this, () -> now.ops().resvRegions(this, regions));
    }
    return regions;
  }

  /** Gives regions back to the driver (CORE-703). */
  void releaseRegions(List<ResvRegion> regions) {
    for (ResvRegion region : regions) {
      services.guard().contain("resv_region.free", this, () -> region.release(device()));
    }
  }

  @Override
  public boolean attachDeferred() {
    return attachDeferred;
  }

  @Override
  public boolean requireDirect() {
    return requireDirect;
  }

  @Override
  public void setShadowOnFlush() {
    shadowOnFlush = true;
  }

  @Override
  public boolean shadowOnFlush() {
    return shadowOnFlush;
  }

  @Override
  public void claimDmaOwner(@Nullable DmaOwner owner) {
    if (owner == null) {
      throw GroupImpl.nullOwner(services.trace(), "device " + state);
    }
    groupImpl().claimByDevice(device(), owner);
  }

  @Override
  public void releaseDmaOwner() {
    groupImpl().releaseByDevice(device());
  }

  @Override
  public DmaOwnership own(DmaOwner owner) {
    claimDmaOwner(owner);
    return Scopes.scopedClaim(groupImpl(), owner);
  }

  @Override
  public void attach(Domain domain) {
    groupImpl().attachDevice(device(), domain);
  }

  @Override
  public void detach(Domain domain) {
    groupImpl().detachDevice(device(), domain);
  }

  @Override
  public void attachPasid(Domain domain, int pasid, @Nullable AttachHandle handle) {
    groupImpl().attachPasid(device(), domain, pasid, handle);
  }

  @Override
  public void replacePasid(Domain domain, int pasid, @Nullable AttachHandle handle) {
    groupImpl().replacePasid(device(), domain, pasid, handle);
  }

  @Override
  public void detachPasid(Domain domain, int pasid) {
    groupImpl().detachPasid(device(), domain, pasid);
  }

  @Override
  public void resetPrepare() {
    if (needsResetFence()) {
      ResetFence.prepare(groupImpl(), this);
    }
  }

  @Override
  public void resetDone() {
    if (needsResetFence()) {
      ResetFence.done(groupImpl(), this);
    }
  }

  /** Support counts, not whether ATS is enabled (CORE-900). */
  private boolean needsResetFence() {
    return hasDriver() && device() instanceof PciDevice pci && pci.atsSupported();
  }

  @Override
  public String toString() {
    return state.toString();
  }
}
