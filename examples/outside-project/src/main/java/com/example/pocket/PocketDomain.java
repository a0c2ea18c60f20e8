package com.example.pocket;

import java.util.Set;
import org.iommu4j.api.DevIommu;
import org.iommu4j.api.Domain;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.IotlbGather;
import org.iommu4j.api.PciDevice;
import org.iommu4j.api.Prot;
import org.iommu4j.spi.DomainOp;
import org.iommu4j.spi.MapResult;
import org.iommu4j.spi.PagingDomainOps;

/**
 * A page table of four levels with pages of 4 KiB. Tables that became empty stay until the domain
 * is freed: that wastes memory and saves all thought about who may still be reading them.
 */
final class PocketDomain implements PagingDomainOps {
  private static final long PAGE = 0x1000;
  private static final int LEVELS = 4;

  // A page: address, DIRTY (we do not look at it), LEAF, WRITE, READ, PRESENT.
  private static final long DIRTY_LEAF_PRESENT = 0x19;
  private static final long READ = 0x02;
  private static final long WRITE = 0x04;
  private static final long ADDRESS = 0x0000_ffff_ffff_f000L;

  private static final long TRANSLATE = 3;

  private final PocketIommu iommu;
  private final Tables tables;
  private final int id;
  private final long root;

  PocketDomain(PocketIommu iommu, Tables tables, int id) {
    this.iommu = iommu;
    this.tables = tables;
    this.id = id;
    this.root = tables.make();
  }

  @Override
  public Set<DomainOp> operations() {
    return Set.of(
        DomainOp.ATTACH_DEV,
        DomainOp.MAP_PAGES,
        DomainOp.IOVA_TO_PHYS,
        DomainOp.IOTLB_SYNC,
        DomainOp.FLUSH_IOTLB_ALL,
        DomainOp.FREE);
  }

  @Override
  public long pageSizes() {
    return PAGE;
  }

  @Override
  public DomainGeometry geometry() {
    return DomainGeometry.ofBits(48);
  }

  @Override
  public void attachDev(Domain self, DevIommu device, Domain old) {
    iommu.configure((PciDevice) device.device(), (long) id << 48 | root | TRANSLATE);
  }

  @Override
  public synchronized long mapPages(long iova, long paddr, long size, long count, int prot) {
    long bits =
        DIRTY_LEAF_PRESENT
            | ((prot & Prot.READ) != 0 ? READ : 0)
            | ((prot & Prot.WRITE) != 0 ? WRITE : 0);
    for (long n = 0; n < count; n++) {
      long at = iova + n * PAGE;
      if (at >>> 48 != 0) {
        return MapResult.failed(n, Errno.ERANGE);
      }
      long slot;
      try {
        slot = tables.makeSlot(root, LEVELS, at / PAGE);
      } catch (IommuException noMemory) {
        return MapResult.failed(n, noMemory.errno());
      }
      if (tables.get(slot) != 0) {
        return MapResult.failed(n, Errno.EEXIST);
      }
      tables.set(slot, paddr + n * PAGE | bits);
    }
    return MapResult.mapped(count);
  }

  @Override
  public synchronized long unmapPages(long iova, long size, long count, IotlbGather gather) {
    long done = 0;
    while (done < count * PAGE) {
      long slot = slot(iova + done);
      if (slot == 0 || tables.get(slot) == 0) {
        break;
      }
      tables.set(slot, 0);
      done += PAGE;
    }
    if (done > 0) {
      gather.addRange(iova, done);
    }
    return done;
  }

  private long slot(long iova) {
    return iova >>> 48 == 0 ? tables.slot(root, LEVELS, iova / PAGE) : 0;
  }

  @Override
  public synchronized long iovaToPhys(long iova) {
    long slot = slot(iova);
    long entry = slot == 0 ? 0 : tables.get(slot);
    return entry == 0 ? 0 : (entry & ADDRESS) | (iova & (PAGE - 1));
  }

  @Override
  public void iotlbSync(IotlbGather gather) {
    iommu.command(PocketIommu.INVALIDATE_RANGE, id, gather.start(), gather.end());
  }

  @Override
  public void flushIotlbAll() {
    iommu.command(PocketIommu.INVALIDATE_DOMAIN, id, 0, 0);
  }

  @Override
  public void free(Domain self) {
    flushIotlbAll();
    tables.free(root, LEVELS);
  }

  @Override
  public String toString() {
    return "pocket domain " + id;
  }
}
