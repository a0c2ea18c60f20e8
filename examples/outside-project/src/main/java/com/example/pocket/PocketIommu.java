package com.example.pocket;

import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IommuGroup;
import org.iommu4j.api.PciDevice;
import org.iommu4j.spi.DeviceGroups;
import org.iommu4j.spi.HardwarePort;
import org.iommu4j.spi.IommuDevice;
import org.iommu4j.spi.IommuOp;
import org.iommu4j.spi.IommuOps;
import org.iommu4j.spi.Mmio;
import org.iommu4j.spi.PagingDomainOps;
import org.iommu4j.spi.PhysicalMemory;

/**
 * A driver for the SoftIOMMU (iommu-drivers/soft/HARDWARE.md in iommu4j) that does the least that
 * is useful: PCI devices of one segment, pages of 4 KiB, no PASIDs. One object is hardware and
 * driver.
 */
final class PocketIommu implements IommuDevice, IommuOps {
  static final int INVALIDATE_RANGE = 1;
  static final int INVALIDATE_DOMAIN = 2;
  private static final int INVALIDATE_DEVICE = 3;

  private static final long CONTROL = 0x08;
  private static final long DEVICE_TABLE = 0x10;
  private static final long STATUS = 0x18;
  private static final long FIRST = 0x20;
  private static final long LAST = 0x28;
  private static final long COMMAND = 0x30;

  private static final long BLOCKED = 1;
  private static final int DEVICE_LEVELS = 3;

  private final String name;
  private final Mmio registers;
  private final Tables tables;
  private final long deviceTable;
  private final AtomicInteger domainIds = new AtomicInteger();

  PocketIommu(HardwarePort port) {
    name = port.name();
    registers = port.registers();
    PhysicalMemory memory = port.memory();
    tables = new Tables(memory);
    deviceTable = memory.allocatePage();
    registers.write64(DEVICE_TABLE, deviceTable);
    registers.write64(CONTROL, 1);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public IommuOps ops() {
    return this;
  }

  @Override
  public Set<IommuOp> operations() {
    return Set.of(IommuOp.DOMAIN_ALLOC_PAGING, IommuOp.RELEASE_DEVICE);
  }

  @Override
  public IommuDevice probeDevice(DevIommu device) {
    if (device.device() instanceof PciDevice pci && pci.bus().segment() == 0) {
      configure(pci, BLOCKED);
      return this;
    }
    throw new IommuException(Errno.ENODEV, device.device() + " is no PCI device of segment 0");
  }

  @Override
  public void releaseDevice(DevIommu device) {
    configure((PciDevice) device.device(), 0);
  }

  @Override
  public IommuGroup deviceGroup(DevIommu device, DeviceGroups groups) {
    return groups.pci();
  }

  @Override
  public PagingDomainOps domainAllocPaging(DevIommu device) {
    return new PocketDomain(this, tables, domainIds.incrementAndGet());
  }

  /** Says what happens to the DMA of a device; complete on return. */
  void configure(PciDevice device, long entry) {
    synchronized (tables) {
      tables.set(tables.makeSlot(deviceTable, DEVICE_LEVELS, device.requesterId()), entry);
    }
    command(INVALIDATE_DEVICE, device.requesterId(), 0, 0);
  }

  /** Has the hardware forget something; complete on return. */
  synchronized void command(int opcode, int operand, long first, long last) {
    registers.write64(FIRST, first);
    registers.write64(LAST, last);
    registers.write64(COMMAND, (long) operand << 8 | opcode);
    while ((registers.read64(STATUS) & 1) != 0) {
      Thread.onSpinWait();
    }
  }
}
