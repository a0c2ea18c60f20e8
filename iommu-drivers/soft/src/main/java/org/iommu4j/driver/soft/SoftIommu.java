package org.iommu4j.driver.soft;

import java.util.List;
import java.util.Set;
import org.iommu4j.api.AllocFlag;
import org.iommu4j.api.Capability;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Errno;
import org.iommu4j.api.FirmwareNode;
import org.iommu4j.api.Fwspec;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.IommuSpecifier;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.spi.DeviceGroups;
import org.iommu4j.spi.HardwarePort;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.spi.PhysicalMemory;
import org.iommu4j.spi.StaticDomain;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The driver of the SoftIOMMU, a made-up IOMMU described in the module's {@code HARDWARE.md}: the
 * reference for writing a driver of your own.
 *
 * <p>{@code SoftIommu.on(port)} brings one piece of hardware up; register the result with a core.
 * There is one driver object for each piece of hardware, so domains of one never meet devices of
 * another. Thread-safe; called by a core.
 *
 * <p>It translates 48-bit addresses with pages of 4 KiB, 2 MiB and 1 GiB, passes through, blocks,
 * supports PASIDs, flush queues and dirty tracking, and takes every PCI device of the segments 0 to
 * 0xfe and every other device. A device is known to the hardware by its <i>stream id</i>: segment x
 * 65536 + requester id for a PCI function, its first firmware id for another device, and for one
 * without such ids a number from 0xff0000 on, see {@link #streamId}. DMA aliases are not followed.
 *
 * <p>Locks, all inside those of the core: the device table's, that of a domain's dirty tracking and
 * the id pool's are never held together; that of the command registers is inside them. Mapping and
 * unmapping take none.
 */
public final class SoftIommu implements IommuOps {
  private static final Logger LOG = LoggerFactory.getLogger(SoftIommu.class);

  private static final int MAX_SEGMENT = 0xfe;
  private static final long MSI_BASE = 0xfee0_0000L;
  private static final long MSI_SIZE = 0x10_0000;

  private static final Set<IommuOp> OPERATIONS =
      Set.of(
          IommuOp.RELEASE_DEVICE,
          IommuOp.GET_RESV_REGIONS,
          IommuOp.CAPABLE,
          IommuOp.OF_XLATE,
          IommuOp.DOMAIN_ALLOC_PAGING_FLAGS);

  private final PhysicalMemory memory;
  private final Registers registers;
  private final DeviceTable devices;
  private final DomainIds domainIds = new DomainIds();
  private final StaticDomain identity =
      new FixedDomain(this, StaticDomain.Kind.IDENTITY, DeviceEntry.IDENTITY);
  private final StaticDomain blocked =
      new FixedDomain(this, StaticDomain.Kind.BLOCKED, DeviceEntry.BLOCKED);
  private final IommuDevice instance;

  private SoftIommu(HardwarePort port, @Nullable FirmwareNode node) {
    memory = port.memory();
    registers = new Registers(port.registers());
    devices = new DeviceTable(memory, registers);
    instance = new SoftInstance(port.name(), this, node, registers.pasids());
    port.interrupt().onInterrupt(new FaultLog(port.name(), registers)::drain);
    registers.start(devices.top());
    LOG.debug("{}: started, {} PASIDs", port.name(), registers.pasids());
  }

  /**
   * Brings hardware up that serves the devices for which firmware names no other IOMMU.
   *
   * @param port the hardware; one page of its memory stays in use
   * @return an instance to register; its {@code ops()} is a SoftIommu
   * @throws IommuException ENODEV if the hardware is something else, ENOMEM
   */
  public static IommuDevice on(HardwarePort port) {
    return new SoftIommu(port, null).instance;
  }

  /**
   * Brings hardware up that serves the devices for which firmware names it.
   *
   * @param port the hardware; one page of its memory stays in use
   * @param node where firmware describes it
   * @return an instance to register; its {@code ops()} is a SoftIommu
   * @throws IommuException ENODEV if the hardware is something else, ENOMEM
   */
  public static IommuDevice on(HardwarePort port, FirmwareNode node) {
    return new SoftIommu(port, node).instance;
  }

  /**
   * The number by which the hardware knows a device.
   *
   * @param device probed by a driver of this class and not released
   * @return 0 to 0xffffff
   * @throws IommuException EINVAL if another driver or none has the device
   */
  public static int streamId(DevIommu device) {
    if (device.priv() instanceof Endpoint endpoint) {
      return endpoint.streamId();
    }
    throw new IommuException(
        Errno.EINVAL, "device " + device.device() + " has no stream id: no SoftIOMMU serves it");
  }

  @Override
  public String name() {
    return "soft";
  }

  @Override
  public Set<IommuOp> operations() {
    return OPERATIONS;
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
  public StaticDomain releaseDomain() {
    return blocked;
  }

  @Override
  public IommuDevice probeDevice(DevIommu device) {
    int streamId = claimStream(device);
    int pasids = Math.min(device.device().pasidLimit(), registers.pasids());
    try {
      device.setPriv(new Endpoint(this, streamId, pasids));
    } catch (IommuException failure) {
      devices.release(streamId);
      throw failure;
    }
    LOG.debug("{}: {} is stream 0x{}", instance, device.device(), Integer.toHexString(streamId));
    return instance;
  }

  private int claimStream(DevIommu device) {
    Fwspec fwspec = device.fwspec();
    int streamId;
    if (device.device() instanceof PciDevice pci) {
      int segment = pci.bus().segment();
      if (segment > MAX_SEGMENT) {
        throw new IommuException(
            Errno.ENODEV,
            String.format("%s: segment 0x%x is beyond 0x%x", pci, segment, MAX_SEGMENT));
      }
      streamId = segment << 16 | pci.requesterId();
    } else if (fwspec != null && !fwspec.ids().isEmpty()) {
      streamId = fwspec.ids().get(0);
    } else {
      return devices.claimSpare();
    }
    devices.claim(streamId);
    return streamId;
  }

  @Override
  public void releaseDevice(DevIommu device) {
    Endpoint.of(device, this).close();
  }

  @Override
  public IommuGroup deviceGroup(DevIommu device, DeviceGroups groups) {
    return device.device() instanceof PciDevice ? groups.pci() : groups.generic();
  }

  @Override
  public void resvRegions(DevIommu device, List<ResvRegion> regions) {
    regions.add(ResvRegion.of(MSI_BASE, MSI_SIZE, 0, ResvType.MSI));
  }

  @Override
  public boolean capable(DevIommu device, Capability capability) {
    return switch (capability) {
      case CACHE_COHERENCY, DEFERRED_FLUSH -> true;
      case DIRTY_TRACKING -> registers.tracksDirtyPages();
      default -> false;
    };
  }

  @Override
  public void ofXlate(DevIommu device, IommuSpecifier specifier) {
    device.addFwspecIds(specifier.args());
  }

  @Override
  public PagingDomainOps domainAllocPagingFlags(DevIommu device, Set<AllocFlag> flags) {
    boolean dirty = flags.contains(AllocFlag.DIRTY);
    boolean pasid = flags.contains(AllocFlag.PASID);
    if ((dirty && !registers.tracksDirtyPages()) || (pasid && registers.pasids() == 0)) {
      throw new IommuException(
          Errno.EOPNOTSUPP, instance + " has no domain with " + flags + " for " + device.device());
    }
    return SoftDomain.create(this, dirty);
  }

  IommuDevice instance() {
    return instance;
  }

  PhysicalMemory memory() {
    return memory;
  }

  Registers registers() {
    return registers;
  }

  DeviceTable devices() {
    return devices;
  }

  DomainIds domainIds() {
    return domainIds;
  }
}
