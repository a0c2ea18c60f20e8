package org.iommu4j.testkit.vfio;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.iommu4j.api.Device;
import org.iommu4j.api.DomainGeometry;
import org.iommu4j.api.Errno;
import org.iommu4j.api.IommuException;
import org.iommu4j.api.PagingDomain;
import org.iommu4j.api.ResvRegion;
import org.iommu4j.api.ResvType;
import org.iommu4j.spi.IommuOps;
import org.jspecify.annotations.Nullable;

/**
 * The mappings of a container (type 1, version 2) and the domains they are made in. Groups whose
 * domains have the same driver and the same coherency share one domain.
 *
 * <p>Guarded by the lock of {@link FakeVfio}.
 */
final class Type1 {
  private static final long PAGE = 4096;

  private final FakeVfio vfio;
  private final List<Shared> domains = new ArrayList<>();
  private final Map<GroupNode, List<ResvRegion>> reserved = new LinkedHashMap<>();
  private final TreeMap<Long, Mapping> mappings = new TreeMap<>(Long::compareUnsigned);
  private IovaWindows windows = new IovaWindows();

  /** A domain and who is on it. */
  private record Shared(
      PagingDomain domain, IommuOps driver, boolean coherent, List<GroupNode> groups) {}

  /** Something mapped at once, which can only be unmapped at once. */
  private record Mapping(long memory, long size, int prot) {}

  Type1(FakeVfio vfio) {
    this.vfio = vfio;
  }

  /** Where the first member of a group leads: its driver makes the domain. */
  private record Probe(Device device, PagingDomain domain, IommuOps driver) {}

  /**
   * Attaches a group to a domain that suits it.
   *
   * @throws IommuException EINVAL if aperture or reserved regions clash with what is mapped; EPERM
   *     if its interrupts are not isolated; otherwise the core's error
   */
  void attach(GroupNode node) {
    Probe probe = probe(node);
    PagingDomain domain = probe.domain();
    boolean attached = false;
    boolean complete = false;
    try {
      node.group().attach(domain);
      attached = true;
      List<ResvRegion> regions = node.group().reservedRegions();
      refuseClash(domain.geometry(), regions);
      IovaWindows narrowed = windows(node, regions, domain.geometry());
      if (narrowed.list().isEmpty()) {
        throw new IommuException(Errno.EINVAL, "no address is left for " + node);
      }
      if (!vfio.allowsUnsafeInterrupts() && !node.group().hasIsolatedMsi()) {
        throw new IommuException(
            Errno.EPERM, "interrupts of " + node + " are not isolated from other devices");
      }
      place(node, probe, regions);
      reserved.put(node, regions);
      windows = narrowed;
      complete = true;
    } finally {
      if (!complete) {
        if (attached) {
          node.group().detach(domain);
        }
        domain.close();
      }
    }
  }

  private Probe probe(GroupNode node) {
    Device first = node.group().<Device>forEachDevice(device -> device);
    if (first == null) {
      throw new IommuException(Errno.ENODEV, node + " has no device");
    }
    return new Probe(first, vfio.core().allocPagingDomain(first), vfio.served(first).iommu().ops());
  }

  private void refuseClash(DomainGeometry aperture, List<ResvRegion> regions) {
    for (Map.Entry<Long, Mapping> mapping : mappings.entrySet()) {
      long first = mapping.getKey();
      long last = first + mapping.getValue().size() - 1;
      boolean outside =
          Long.compareUnsigned(first, aperture.apertureStart()) < 0
              || Long.compareUnsigned(last, aperture.apertureEnd()) > 0;
      boolean overReserved =
          regions.stream()
              .anyMatch(
                  region ->
                      region.type() != ResvType.DIRECT_RELAXABLE
                          && Long.compareUnsigned(first, region.last()) <= 0
                          && Long.compareUnsigned(region.start(), last) <= 0);
      if (outside || overReserved) {
        throw new IommuException(
            Errno.EINVAL, String.format("the mapping at iova 0x%x cannot stay", first));
      }
    }
  }

  /** What is left with a newcomer, or without one that left. */
  private IovaWindows windows(
      @Nullable GroupNode newcomer, List<ResvRegion> regions, DomainGeometry aperture) {
    IovaWindows made = new IovaWindows();
    domains.forEach(shared -> made.limitTo(shared.domain().geometry()));
    reserved.values().forEach(list -> list.forEach(made::exclude));
    if (newcomer != null) {
      made.limitTo(aperture);
      regions.forEach(made::exclude);
    }
    return made;
  }

  /** On a domain that is there already, if one fits; else on its own, with all mappings. */
  private void place(GroupNode node, Probe probe, List<ResvRegion> regions) {
    PagingDomain own = probe.domain();
    boolean coherent = own.enforceCacheCoherency();
    for (Shared shared : domains) {
      if (shared.driver() == probe.driver() && shared.coherent() == coherent) {
        node.group().detach(own);
        if (tryToAttach(node, shared.domain())) {
          shared.groups().add(node);
          own.close();
          return;
        }
        node.group().attach(own);
      }
    }
    mappings.forEach(
        (iova, mapping) -> own.map(iova, mapping.memory(), mapping.size(), mapping.prot()));
    for (ResvRegion region : regions) {
      if (region.type() == ResvType.SW_MSI) {
        own.setMsiWindow(region.start());
        break;
      }
    }
    domains.add(new Shared(own, probe.driver(), coherent, new ArrayList<>(List.of(node))));
  }

  private static boolean tryToAttach(GroupNode node, PagingDomain domain) {
    try {
      node.group().attach(domain);
      return true;
    } catch (IommuException doesNotFit) {
      return false;
    }
  }

  /** Takes a group off its domain. With the last group everything is unmapped. */
  void detach(GroupNode node) {
    reserved.remove(node);
    for (Shared shared : List.copyOf(domains)) {
      if (shared.groups().remove(node)) {
        node.group().detach(shared.domain());
        if (shared.groups().isEmpty()) {
          drop(shared);
        }
      }
    }
    windows = windows(null, List.of(), DomainGeometry.FULL);
  }

  private void drop(Shared shared) {
    mappings.forEach((iova, mapping) -> shared.domain().unmap(iova, mapping.size()));
    shared.domain().close();
    domains.remove(shared);
    if (domains.isEmpty()) {
      mappings.clear();
    }
  }

  VfioInfo info() {
    return new VfioInfo(pageSizes(), windows.list());
  }

  /** Sizes below the page of the processor count as that page. */
  private long pageSizes() {
    long sizes = -1L;
    for (Shared shared : domains) {
      sizes &= shared.domain().pageSizes();
    }
    return (sizes & (PAGE - 1)) == 0 ? sizes : (sizes & -PAGE) | PAGE;
  }

  void map(long iova, long memory, long size, int prot) {
    long granule = Long.lowestOneBit(pageSizes());
    String where = String.format("map iova 0x%x+0x%x to 0x%x", iova, size, memory);
    long last = iova + size - 1;
    if (size == 0
        || prot == 0
        || ((iova | memory | size) & (granule - 1)) != 0
        || Long.compareUnsigned(last, iova) < 0
        || Long.compareUnsigned(memory + size - 1, memory) < 0) {
      throw new IommuException(
          Errno.EINVAL, where + ": not in pages of 0x" + Long.toHexString(granule));
    }
    if (overlap(iova, last) != null) {
      throw new IommuException(Errno.EEXIST, where + ": mapped already");
    }
    if (!windows.contains(iova, last)) {
      throw new IommuException(Errno.EINVAL, where + ": outside " + windows.list());
    }
    List<PagingDomain> done = new ArrayList<>();
    try {
      for (Shared shared : domains) {
        shared.domain().map(iova, memory, size, prot);
        done.add(shared.domain());
      }
    } catch (IommuException refused) {
      done.forEach(domain -> domain.unmap(iova, size));
      throw refused;
    }
    mappings.put(iova, new Mapping(memory, size, prot));
  }

  private Map.@Nullable Entry<Long, Mapping> overlap(long first, long last) {
    Map.Entry<Long, Mapping> before = mappings.floorEntry(last);
    boolean touches =
        before != null
            && Long.compareUnsigned(before.getKey() + before.getValue().size() - 1, first) >= 0;
    return touches ? before : null;
  }

  long unmap(long iova, long size) {
    long granule = Long.lowestOneBit(pageSizes());
    String where = String.format("unmap iova 0x%x+0x%x", iova, size);
    long last = iova + size - 1;
    if (size == 0 || ((iova | size) & (granule - 1)) != 0 || Long.compareUnsigned(last, iova) < 0) {
      throw new IommuException(
          Errno.EINVAL, where + ": not in pages of 0x" + Long.toHexString(granule));
    }
    refuseSplit(iova, last, where);
    long bytes = 0;
    for (var found = overlap(iova, last); found != null; found = overlap(iova, last)) {
      long start = found.getKey();
      long length = found.getValue().size();
      domains.forEach(shared -> shared.domain().unmap(start, length));
      mappings.remove(start);
      bytes += length;
    }
    return bytes;
  }

  private void refuseSplit(long iova, long last, String where) {
    Map.Entry<Long, Mapping> atStart = overlap(iova, iova);
    Map.Entry<Long, Mapping> atEnd = overlap(last, last);
    boolean splitsFirst = atStart != null && atStart.getKey() != iova;
    boolean splitsLast = atEnd != null && atEnd.getKey() + atEnd.getValue().size() - 1 != last;
    if (splitsFirst || splitsLast) {
      throw new IommuException(Errno.EINVAL, where + ": would split a mapping");
    }
  }
}
